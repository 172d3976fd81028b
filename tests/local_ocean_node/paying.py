# SPDX-License-Identifier: Apache-2.0
"""A local Ocean Node that is paid on the tests' chain, and a consumer who pays it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import requests

from airflow_provider_deflow.local_ocean_node.settings import (
    ChainSettings,
    EnvironmentSettings,
    Fees,
    NodeSettings,
)
from airflow_provider_deflow.signing import KeySigner
from tests import services
from tests.local_ocean_node.running import Consumer, fast, python_image, running_ocean_node

ONE = 10**18
RECORDED_TOKEN = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
SOMEBODY_ELSE = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"
_RECORDED_CLUSTER = "0xff1004b67de08fc505fbf0a2089010d0f23015338c7def8557697513c4a39935"
# The recorded environments, in the order of `environments` below.
_RECORDED_ENVIRONMENTS = tuple(
    f"{_RECORDED_CLUSTER}-0x{suffix}"
    for suffix in (
        "0b48e8b76296e4fe08a16d3871b4523f7196327d73ccd2da67d5fb0d9c367632",
        "b22557d5c86798cfe553cfe14d880a758fef94b7fad85ae3c22ea1ef52b362cc",
        "4c05367a583603df6096d442336310c807a35a0586d5da7f7fff2f4937490741",
        "3bed0cee3c4919028ae0d8d35d69d0948867116e29bff3a9c00e175ef5bfe6a9",
        "7effe48a9913eb067d7ace3fa41084a8c2992893d83cd3217c86360ffb89615a",
    )
)
MAIN, FREE_ONLY, WALLED, PAID_ONLY, PRICE_ZERO = range(5)


def environments(token: str, **changes: Any) -> tuple[EnvironmentSettings, ...]:
    """As the recorded node had them: main, free only, walled, paid only, price zero."""

    def fees(price: float) -> tuple[Fees, ...]:
        return (Fees(services.CHAIN_ID, token, (("cpu", price),)),)

    common: dict[str, Any] = {
        "ram": 8,
        "max_ram": 4,
        "disk": 10,
        "max_disk": 5,
        "free_cpu": 1,
        "free_ram": 1,
        "free_disk": 1,
        "free_max_jobs": 3,
        "free_min_job_duration": 10,
        "free_max_job_duration": 600,
        **changes,
    }
    short = {"max_job_duration": 60, "min_job_duration": 10, "free_max_job_duration": 30, "free_max_jobs": 1}
    walled = {"addresses": (SOMEBODY_ELSE,), "free_addresses": (SOMEBODY_ELSE,)}
    return (
        EnvironmentSettings(cpu=2, fees=fees(1), description="main: paid and free", **common),
        EnvironmentSettings(
            cpu=1, description="free only, short", **{**common, **short, "storage_expiry": 60}
        ),
        EnvironmentSettings(cpu=1, fees=fees(2), description="walled", **{**common, **walled}),
        EnvironmentSettings(cpu=2, fees=fees(3), free=False, description="paid only", **common),
        EnvironmentSettings(cpu=1, fees=fees(0), free=False, description="price zero", **common),
    )


def paid(chain: services.Chain, folder: Path, **changes: Any) -> NodeSettings:
    chains = (ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file),)
    return fast(folder, **{"chains": chains, "environments": environments(chain.fee_token), **changes})


@contextmanager
def running_paid_node(chain: services.Chain, settings: NodeSettings) -> Iterator[str]:
    """Served, and with native tokens to send transactions."""
    with running_ocean_node(settings) as url:
        (environment, *_) = requests.get(f"{url}/api/services/computeEnvironments").json()
        chain.give_gas(environment["consumerAddress"])
        yield url


@dataclass(frozen=True)
class Payer(Consumer):
    """A consumer with an account on the chain."""

    chain: services.Chain
    account: int

    @classmethod
    def at(cls, url: str, chain: services.Chain, account: int) -> Payer:
        return cls(url, KeySigner(services.KEYS[account]), chain, account)

    @cached_property
    def payee(self) -> str:
        return str(self.environments()[0]["consumerAddress"])

    @property
    def escrow(self) -> Any:
        return self.chain.at("Escrow")

    def deposit(self, tokens: int = 100) -> None:
        token = self.chain.at("OceanToken", self.chain.fee_token)
        self.chain.send(self.account, token.functions.approve(self.escrow.address, tokens * ONE))
        self.chain.send(self.account, self.escrow.functions.deposit(self.chain.fee_token, tokens * ONE))

    def authorize(self, tokens: int = 1000, seconds: int = 100_000, count: int = 100) -> None:
        call = self.escrow.functions.authorize
        self.chain.send(self.account, call(self.chain.fee_token, self.payee, tokens * ONE, seconds, count))

    def funds(self) -> tuple[int, int]:
        available, locked = self.escrow.functions.getUserFunds(self.address, self.chain.fee_token).call()
        return available, locked

    def locks(self) -> list[Any]:
        return list(self.escrow.functions.getLocks(self.chain.fee_token, self.address, self.payee).call())

    def earned(self) -> int:
        """What the node has on its account."""
        token = self.chain.at("OceanToken", self.chain.fee_token)
        return int(token.functions.balanceOf(self.payee).call())

    def ask_to_pay(self, code: str = "print('hello')", at: int = MAIN, **fields: Any) -> Any:
        """POST /compute with raw Python code, at one of the environments; `fields` replace the request's."""
        request = {
            **self.signed("startCompute"),
            "environment": self.environments()[at]["id"],
            "algorithm": {"meta": {"rawcode": code, "container": python_image()}},
            "datasets": [],
            "maxJobDuration": 60,
            "payment": {"chainId": self.chain.chain_id, "token": self.chain.fee_token},
        }
        return self.post("/api/services/compute", {**request, **fields})

    def start_paid(self, code: str = "print('hello')", **fields: Any) -> dict[str, Any]:
        reply = self.ask_to_pay(code, **fields)
        assert reply.status_code == 200, reply.text
        return dict(reply.json()[0])

    def replay(self, recorded: dict[str, Any]) -> requests.Response:
        """Send a recorded request for this node, token and account, signed anew where it was signed."""
        request = recorded["request"]
        ours = dict(zip(_RECORDED_ENVIRONMENTS, (one["id"] for one in self.environments()), strict=True))
        ours |= {
            RECORDED_TOKEN: self.chain.fee_token,
            RECORDED_TOKEN.lower(): self.chain.fee_token.lower(),
            "repo.test:5000/c2d-base": "python",
        }
        text = json.dumps(request["body"]["json"])
        for theirs, replacement in ours.items():
            text = text.replace(theirs, replacement)
        body = json.loads(text)
        if len(body.get("consumerAddress", "")) == 42:
            body["consumerAddress"] = self.address
        if "signature" in body:
            body |= self.signed("startCompute")
        return self.post(request["path"], body)

    def words(self, recorded: dict[str, Any]) -> Any:
        """What the real node answered, with this account, node and chain for the recorded ones."""
        body = recorded["response"]["body"]
        theirs = recorded["request"]["body"]["json"].get("consumerAddress", SOMEBODY_ELSE)
        text = json.dumps(body.get("json", body.get("text")))
        for recorded_one, ours in (
            (RECORDED_TOKEN, self.chain.fee_token),
            (RECORDED_TOKEN.lower(), self.chain.fee_token.lower()),
            ("0x0DCd1Bf9A1b36cE34237eEaFef220932846BCD82", self.chain.addresses["Escrow"]),
            ("0xe2DD09d719Da89e5a3D0F2549c7E24566e947260", self.payee),
            (theirs, self.address),
        ):
            text = text.replace(recorded_one, ours)
        return json.loads(text)
