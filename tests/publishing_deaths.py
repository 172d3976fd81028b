# SPDX-License-Identifier: Apache-2.0
"""Processes that publish an asset and kill themselves in the middle, each a step later than the one before.

A step is what can be told from outside: something asked of the Ocean Node, sent to the chain, confirmed by it
or kept in memory; a process dies before it or after it. They are forked from one that has all modules, since
each would otherwise take seconds to begin.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import pymongo
from web3 import Web3
from web3.types import TxReceipt

from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.policy import Policy
from airflow_provider_deflow.chain.rpc import connect
from airflow_provider_deflow.chain.transactions import Sender, Sends
from airflow_provider_deflow.chain.wallet import Wallet
from airflow_provider_deflow.ledger.lanes import MongoLanes
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.routes import Route
from airflow_provider_deflow.publishing.publisher import Publisher
from airflow_provider_deflow.signing import KeySigner
from tests.publishing_parts import Memory, Publishing, dataset

T = TypeVar("T")


def crashes(account: Publishing, file: str, key: str, mongo_uri: str = "") -> list[tuple[str, str]]:
    """Which keys were being published when their process died, and at which step."""
    order = {
        "url": account.url,
        "rpc_url": account.chain.rpc_url,
        "address_file": str(account.chain.address_file),
        "account": account.key,
        "file": file,
        "key": key,
        "mongo_uri": mongo_uri,
        "database": account.database.name if account.database is not None else "",
    }
    script = [sys.executable, "-m", "tests.publishing_deaths"]
    done = subprocess.run(script, input=json.dumps(order), capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    return [(each["key"], each["step"]) for each in map(json.loads, done.stdout.splitlines())]


class Dying:
    """Counts the steps of this process and ends it at the last one it is given."""

    def __init__(self, last: int, tell: Callable[[str], None]) -> None:
        self._left, self._tell = last, tell

    def step(self, name: str, work: Callable[[], T]) -> T:
        self._cross(f"before {name}")
        done = work()
        self._cross(f"after {name}")
        return done

    def _cross(self, name: str) -> None:
        if self._left == 0:
            self._tell(name)
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


def publish(order: dict[str, Any], key: str, dying: Dying) -> None:
    class Steps:
        """As the wallet itself."""

        def __init__(self, wallet: Sends) -> None:
            self._wallet, self.web3, self.address = wallet, wallet.web3, wallet.address

        def send(self, call: Any, *, purpose: str = "") -> str:
            return dying.step(purpose.split()[0], lambda: self._wallet.send(call, purpose=purpose))

        def confirm(self, transaction_hash: str) -> TxReceipt:
            return dying.step("confirmation", lambda: self._wallet.confirm(transaction_hash))

        def sent_for(self, purpose: str) -> str | None:
            return self._wallet.sent_for(purpose)

    class Node(OceanNode):
        def ask(self, route: Route[T]) -> T:
            return dying.step(f"asking for {route.name}", lambda: OceanNode.ask(self, route))

    class Kept(Memory):
        def set(self, key: str, value: Any) -> None:  # type: ignore[override]
            dying.step("memory", lambda: self.update({key: value}))

    web3 = connect(order["rpc_url"])
    node = Node(order["url"], KeySigner(order["account"]), requests_per_minute=1_000_000)
    network = Network.find(web3.eth.chain_id, Path(order["address_file"]))
    publisher = Publisher(node, Steps(wallet_of(order, web3, network)), network, Kept(), lambda _: None, 20)
    publisher.publish(dataset(order["file"]), key)


def wallet_of(order: dict[str, Any], web3: Web3, network: Network) -> Sends:
    if not order["database"]:
        return Sender(web3, order["account"])
    lanes = MongoLanes(pymongo.MongoClient(order["mongo_uri"])[order["database"]])
    return Wallet(web3, KeySigner(order["account"]), lanes, Policy(network))


def main() -> None:
    order = json.load(sys.stdin)
    for last in count():
        key = f"{order['key']} {last}"
        child = os.fork()
        if child == 0:
            publish(order, key, Dying(last, partial(tell, key)))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            sys.exit(os.WEXITSTATUS(status))


def tell(key: str, step: str) -> None:
    os.write(1, (json.dumps({"key": key, "step": step}) + "\n").encode())


if __name__ == "__main__":
    main()
