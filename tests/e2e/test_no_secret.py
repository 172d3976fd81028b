# SPDX-License-Identifier: Apache-2.0
"""Keys planted in connections are found nowhere after they were used, and after what uses them failed.

Looked at are all files of the stack, Airflow's home among them, all of MongoDB, and what APIs answer. That
the search would find them is shown by a word that is meant to be everywhere.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bson
import pymongo
import pytest
from eth_account import Account

from airflow_provider_deflow.chain.contracts import contract
from airflow_provider_deflow.chain.rpc import connect
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.stack.development_chain import OWNER_KEY, DevelopmentChain
from tests.e2e import drawn
from tests.e2e.conftest import Airflow, Deployment

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.chain, pytest.mark.timeout(600)]

WALLET, AWAY = "ocean_wallet_canary", "ocean_wallet_away"
# Nobody listens there.
AWAY_URL = "http://127.0.0.1:9/"


@dataclass(frozen=True)
class Canary:
    """Something secret, in the forms in which it could turn up."""

    name: str
    forms: tuple[bytes, ...]

    @classmethod
    def key(cls, name: str, digits: str) -> Canary:
        plain = digits.removeprefix("0x").lower()
        return cls(name, (plain.encode(), plain.upper().encode(), bytes.fromhex(plain)))

    @classmethod
    def text(cls, name: str, text: str) -> Canary:
        return cls(name, (text.encode(),))

    def is_in(self, content: bytes) -> bool:
        return any(form in content for form in self.forms)


@dataclass(frozen=True)
class Planted:
    """What is secret, and a word that is not: a node's environment variable, which every reader may see."""

    secret: tuple[Canary, ...]
    public: Canary


@pytest.fixture(scope="module")
def planted(deployment: Deployment) -> Planted:
    """Two wallets, used: one pays, with the other nothing can be paid."""
    chain = deployment.up.chain
    assert chain is not None
    account, away = Account.create(), Account.create()
    rpc_key, away_key = secrets.token_hex(16), secrets.token_hex(16)
    word = Canary.text("a public word", f"everywhere-{secrets.token_hex(8)}")
    give_money(chain, account.address)
    add_wallet(deployment, WALLET, account.key.to_0x_hex(), f"{chain.rpc_url}/?key={rpc_key}")
    add_wallet(deployment, AWAY, away.key.to_0x_hex(), f"{AWAY_URL}?key={away_key}")
    for slug, wallet, state in (("canary", WALLET, "success"), ("canary-away", AWAY, "failed")):
        end = run_paid(deployment, slug, wallet, word.forms[0].decode())
        assert end == state
    return Planted(
        (
            Canary.key("the wallet's key", account.key.to_0x_hex()),
            Canary.text("the key of its RPC URL", rpc_key),
            Canary.key("the key of the wallet that cannot pay", away.key.to_0x_hex()),
            Canary.text("the key of its RPC URL, which does not answer", away_key),
        ),
        word,
    )


def test_no_secret_is_in_a_file(deployment: Deployment, planted: Planted) -> None:
    found = dict(contents_of(deployment.up.home))

    assert leaks(planted, found.items()) == []
    assert any(planted.public.is_in(content) for content in found.values())


def test_no_secret_is_in_mongodb(deployment: Deployment, planted: Planted) -> None:
    with pymongo.MongoClient[dict[str, Any]](deployment.up.mongo_uri) as client:
        found = {f"{record.pop('in')}: {record['_id']}": bson.encode(record) for record in all_of(client)}

    assert leaks(planted, found.items()) == []
    assert any(planted.public.is_in(content) for content in found.values())


def test_no_secret_is_in_what_apis_answer(deployment: Deployment, planted: Planted) -> None:
    found = dict(answers(deployment.airflow))

    assert leaks(planted, found.items()) == []
    assert any(planted.public.is_in(content) for content in found.values())
    assert planted.public.is_in(found["/deflow/api/v1/graphs/canary"])


def give_money(chain: DevelopmentChain, address: str) -> None:
    web3 = connect(chain.rpc_url, chain_id=chain.chain_id)
    owner = Sender(web3, OWNER_KEY)
    token = contract(web3, "OceanToken", chain.fee_token)
    owner.confirm(owner.send(token.functions.transfer(address, 10 * 10**18)))
    web3.provider.make_request("anvil_setBalance", [address, hex(10**18)])  # type: ignore[arg-type]


def add_wallet(deployment: Deployment, conn_id: str, key: str, rpc_url: str) -> None:
    chain = deployment.up.chain
    assert chain is not None
    nodes = [deployment.up.ocean_node_url]
    extra = {**chain.in_connection, "rpc_url": rpc_url, "ocean_nodes": nodes}
    body = {
        "connection_id": conn_id,
        "conn_type": "ocean_wallet",
        "password": key,
        "extra": json.dumps(extra),
    }
    deployment.airflow.add_connection(body)


def run_paid(deployment: Deployment, slug: str, wallet: str, word: str) -> str:
    document = drawn.graph(slug, "a", budget={"per_run": "5"})
    document["nodes"][0]["data"] |= {
        "wallet": wallet,
        "payment": {"mode": "paid"},
        "max_duration_seconds": 120,
        "retries": 0,
        "environment_variables": {"WORD": word},
    }
    dag_id = deployment.publish(document)
    run_id = deployment.run(dag_id)
    return str(deployment.end_of(dag_id, run_id).run.state)


def leaks(planted: Planted, found: Iterable[tuple[object, bytes]]) -> list[str]:
    return [
        f"{one.name} in {where}" for where, content in found for one in planted.secret if one.is_in(content)
    ]


def contents_of(home: Path) -> Iterator[tuple[Path, bytes]]:
    """Of all files but sockets; one that goes in that moment is passed over."""
    for path in home.rglob("*"):
        with contextlib.suppress(FileNotFoundError):
            if path.is_file():
                yield path, path.read_bytes()


def all_of(client: pymongo.MongoClient[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for name in client.list_database_names():
        for collection in client[name].list_collection_names():
            for record in client[name][collection].find() if name != "local" else ():
                yield {"in": f"{name}.{collection}", **record}


def answers(airflow: Airflow) -> Iterator[tuple[str, bytes]]:
    """What Airflow's and DeFlow's APIs say of the connections, graphs, runs and logs."""
    for path in ("/connections", "/eventLogs", "/importErrors", "/dags"):
        yield from one_answer(airflow, f"/api/v2{path}")
    yield from one_answer(airflow, "/deflow/api/v1/ocean-nodes")
    for slug in ("canary", "canary-away"):
        graph, dag = f"/deflow/api/v1/graphs/{slug}", f"/api/v2/dags/deflow_{slug}"
        for path in (graph, f"{graph}/runs", f"{dag}/details", f"{dag}/dagRuns"):
            yield from one_answer(airflow, path)
        for run_id in airflow.runs(f"deflow_{slug}"):
            run, of_airflow = f"{graph}/runs/{run_id}", f"{dag}/dagRuns/{run_id}"
            for path in (
                run,
                f"{run}/tasks/a/log",
                f"{of_airflow}/taskInstances",
                f"{of_airflow}/taskInstances/a/xcomEntries",
                f"{of_airflow}/taskInstances/a/logs/1",
            ):
                yield from one_answer(airflow, path)


def one_answer(airflow: Airflow, path: str) -> Iterator[tuple[str, bytes]]:
    yield path, airflow.raw(path)
