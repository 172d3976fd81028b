# SPDX-License-Identifier: Apache-2.0
"""A task whose job is paid: a local Ocean Node on the tests' chain, a wallet of its own, a ledger.

What is counted is counted on the chain, by its own events.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from eth_account import Account
from pymongo.database import Database

from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.reservations import Reservations
from airflow_provider_deflow.local_ocean_node import schedule
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from tests import proxy, services
from tests.local_ocean_node.paying import ONE, paid, running_paid_node

TEN_MINUTES = 600
CLAIMS_AT_ONCE = {"claim_interval_seconds": 0.2}


@dataclass(frozen=True)
class Paid:
    """A wallet with fee tokens on a paid Ocean Node, which is reached through `between`."""

    chain: services.Chain
    between: proxy.Proxy
    address: str
    key: str
    database: Database[dict[str, Any]]
    first_block: int

    @property
    def reservations(self) -> Reservations:
        return Reservations(self.database)

    def reservation(self, task_id: str = "train", run_id: str = "run 1") -> dict[str, Any]:
        """The one of the task that is no plan."""
        found = self.reservations.of_run(Run("by_hand", run_id))
        (one,) = [r for r in found if r["task_id"] == task_id and not r["_id"].startswith("plan ")]
        return one

    def events(self, name: str) -> list[Any]:
        """Of this wallet in the escrow, since the test began."""
        logs = self.chain.at("Escrow").events[name]().get_logs(from_block=self.first_block)
        return [log for log in logs if log["args"]["payer"] == self.address]

    def sent(self) -> int:
        """How many transactions the wallet has sent."""
        return int(self.chain.web3.eth.get_transaction_count(self.address))

    def escrow_funds(self) -> tuple[int, int]:
        token = self.chain.fee_token
        available, locked = self.chain.at("Escrow").functions.getUserFunds(self.address, token).call()
        return available, locked

    def authorization(self) -> list[int]:
        """maxLockedAmount, currentLockedAmount, maxLockSeconds, maxLockCounts, currentLocks."""
        payee = self.payee
        call = self.chain.at("Escrow").functions.getAuthorizations(self.chain.fee_token, self.address, payee)
        return list(call.call()[0][1:])

    @property
    def payee(self) -> str:
        return str(self.reservation()["payee"])


@contextmanager
def paying(
    chain: services.Chain,
    folder: Path,
    database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    mongo_uri: str,
    tokens: int = 100,
    **node: Any,
) -> Iterator[Paid]:
    monkeypatch.setenv("AIRFLOW_HOME", str(folder / "airflow"))
    chain = chain.from_here(folder)
    account = Account.create()
    key = account.key.to_0x_hex()
    chain.give_gas(account.address)
    token = chain.at("OceanToken", chain.fee_token)
    chain.send(0, token.functions.transfer(account.address, tokens * ONE))
    # A node claims a minute after it began, which on a busy machine comes in the midst of a test.
    monkeypatch.setattr(schedule, "_FIRST_CLAIM_SECONDS", 3600.0)
    settings = paid(chain, folder / "node", test_routes=True, **node)
    with running_paid_node(chain, settings) as url, proxy.between(url) as between:
        connect(monkeypatch, chain, between.url, key, database, mongo_uri)
        yield Paid(chain, between, account.address, key, database, chain.web3.eth.block_number)


def connect(
    monkeypatch: pytest.MonkeyPatch,
    chain: services.Chain,
    url: str,
    key: str,
    database: Database[dict[str, Any]],
    mongo_uri: str,
) -> None:
    """Airflow's connections."""
    # The local Ocean Node pulls no images.
    extra = {"requests_per_minute": 100_000, "poll_interval_seconds": 0.3, "check_images": False}
    node = {"conn_type": "ocean_node", "host": url, "extra": extra}
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_NODE_DEFAULT", json.dumps(node))
    wallet = {
        "conn_type": "ocean_wallet",
        "password": key,
        "extra": {
            "rpc_url": chain.rpc_url,
            "chain_id": chain.chain_id,
            "address_file": str(chain.address_file),
            "ocean_nodes": [url],
        },
    }
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_DEFAULT", json.dumps(wallet))
    host, port = mongo_uri.removeprefix("mongodb://").split("/")[0].split(":")
    options = dict(part.split("=") for part in mongo_uri.partition("?")[2].split("&") if part)
    mongo = {
        "conn_type": "mongo",
        "host": host,
        "port": int(port),
        "schema": database.name,
        "extra": {**options},
    }
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps(mongo))


def paid_operator(
    code: str, per_run: str = "5", per_day: str | None = None, **node: Any
) -> OceanComputeOperator:
    """A job of at most two minutes: 2 tokens on the main environment."""
    with DAG("by_hand", schedule=None):
        return paid_task("train", code, per_run, per_day, **node)


def paid_task(
    task_id: str, code: str, per_run: str = "5", per_day: str | None = None, **node: Any
) -> OceanComputeOperator:
    return OceanComputeOperator(
        task_id=task_id,
        node={
            "algorithm": {"code": code, "image": "python:3.11", "entrypoint": "python3 $ALGO"},
            "payment": {"mode": "paid"},
            "max_duration_seconds": 120,
            **node,
        },
        budget={"per_run": per_run, "per_day": per_day},
        retries=2,
    )
