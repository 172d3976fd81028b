# SPDX-License-Identifier: Apache-2.0
"""A part dies in the midst of a paid job: what is locked, claimed and free again is counted on the chain."""

from __future__ import annotations

import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymongo
import pytest
import requests
from eth_account import Account
from pymongo.database import Database

from airflow_provider_deflow import errors
from airflow_provider_deflow.chain import funding
from airflow_provider_deflow.ledger.leases import Leases
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.stack import ports
from airflow_provider_deflow.stack.guard import stop_with_parent
from airflow_provider_deflow.upkeep.known import Desk
from airflow_provider_deflow.upkeep.payments import settle_payments
from tests import proxy, services
from tests.local_ocean_node.paying import ONE
from tests.operators import paid
from tests.operators.one_task import WRITE, Memory, context, run, written
from tests.operators.paid import Paid, paid_operator
from tests.upkeep.conftest import Answers

pytestmark = [
    pytest.mark.chain,
    pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*"),
]
# Where a part dies: when the escrow is ready, when the lock is made, and while the algorithm runs.
POINTS = ("before the lock", "after the lock", "while it runs")
SLOW = "import time; time.sleep(2); " + WRITE.format("x")


@dataclass
class Server:
    """A MongoDB that can be killed and started again where it was."""

    folder: Path
    stack: ExitStack
    mongod: services.Mongod

    def kill(self) -> None:
        end(self.mongod.process)

    def start(self) -> None:
        self.mongod = self.stack.enter_context(services.mongod(self.folder, port=self.mongod.port))

    def freeze(self) -> None:
        """For two seconds."""
        frozen = self.mongod.frozen()
        frozen.__enter__()
        thaw = threading.Timer(2, lambda: frozen.__exit__(None, None, None))
        thaw.start()
        self.stack.callback(thaw.join)


@dataclass
class Node:
    """An Ocean Node likewise, a process of its own."""

    chain: services.Chain
    folder: Path
    stack: ExitStack
    port: int
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        end(self.processes[-1])

    def start(self) -> None:
        run = "from airflow_provider_deflow.cli.ocean_node import ocean_node; ocean_node()"
        options = {
            "--port": self.port,
            "--folder": self.folder / "node",
            "--requests-per-minute": 1_000_000,
            "--tick-seconds": 0.3,
            "--rpc-url": self.chain.rpc_url,
            "--chain-id": self.chain.chain_id,
            "--address-file": self.chain.address_file,
            "--price": "cpu=1",
            "--claim-seconds": 0.3,
        }
        words = [str(word) for option in options.items() for word in option]
        process = subprocess.Popen([sys.executable, "-c", run, *words], preexec_fn=stop_with_parent)
        self.stack.callback(end, process)
        self.processes.append(process)
        give_up_at = time.monotonic() + 60
        while True:
            try:
                environments = requests.get(f"{self.url}/api/services/computeEnvironments").json()
                break
            except requests.ConnectionError:
                assert time.monotonic() < give_up_at
                time.sleep(0.05)
        self.chain.give_gas(environments[0]["consumerAddress"])


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "mongod"
    folder.mkdir()
    with ExitStack() as stack:
        yield Server(folder, stack, stack.enter_context(services.mongod(folder)))


@pytest.fixture
def paying(
    server: Server, chain: services.Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Paid]:
    """With a ledger on that server."""
    uri = server.mongod.uri
    with (
        pymongo.MongoClient[dict[str, Any]](uri) as client,
        paid.paying(
            chain, tmp_path, client["deflow_test"], monkeypatch, uri, claim_interval_seconds=0.3
        ) as one,
    ):
        yield one


@pytest.fixture
def node(chain: services.Chain, tmp_path: Path) -> Iterator[Node]:
    port = next(filter(ports.is_free, random.sample(range(20_000, 32_000), 100)))
    with ExitStack() as stack:
        node = Node(chain, tmp_path, stack, port)
        node.start()
        yield node


@pytest.fixture
def paying_node(
    node: Node, mongo_uri: str, mongo_database: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Paid]:
    """Who pays that node."""
    monkeypatch.setenv("AIRFLOW_HOME", str(node.folder / "airflow"))
    account = Account.create()
    key = account.key.to_0x_hex()
    node.chain.give_gas(account.address)
    token = node.chain.at("OceanToken", node.chain.fee_token)
    node.chain.send(0, token.functions.transfer(account.address, 100 * ONE))
    with proxy.between(node.url) as between:
        # Not by way of the proxy, which would take a request for a node that is not there.
        paid.connect(monkeypatch, node.chain, node.url, key, mongo_database, mongo_uri)
        first_block = node.chain.web3.eth.block_number
        yield Paid(node.chain, between, account.address, key, mongo_database, first_block)


def at(monkeypatch: pytest.MonkeyPatch, point: str, act: Callable[[], None]) -> None:
    """Let something happen once, when a task comes to a point."""
    owner, name, is_before = {
        "before the lock": (funding, "make_ready", False),
        "after the lock": (OceanNode, "start_paid", False),
        "while it runs": (OceanComputeOperator, "_follow_inline", True),
    }[point]
    original: Any = getattr(owner, name)
    left = [act]

    def wrapped(*args: Any, **named: Any) -> Any:
        if is_before and left:
            left.pop()()
        result = original(*args, **named)
        if left:
            left.pop()()
        return result

    monkeypatch.setattr(owner, name, wrapped)


def settled(paying: Paid) -> None:
    """What upkeep does once the node has claimed."""
    give_up_at = time.monotonic() + 30
    while not paying.events("Claimed"):
        assert time.monotonic() < give_up_at, "the node claims nothing"
        time.sleep(0.1)
    nothing_stays(paying)


def nothing_stays(paying: Paid) -> None:
    """Upkeep finds nothing more to do, and nothing is held or allowed."""
    paying.database["ledger_leases"].delete_many({})
    # A job of which no task could tell is found by the first round, and settled by the next.
    for _ in range(2):
        desk = Desk(LedgerStore(paying.database))
        settle_payments(desk, paying.reservations, Leases(paying.database), Answers({"run 1": "final"}))
    assert paying.escrow_funds()[1] == 0
    assert paying.authorization()[0] == 0
    assert paying.reservations.open() == []


def paid_once(paying: Paid) -> bool:
    locks, deposits = paying.events("Lock"), paying.events("Deposit")
    return [[one["args"]["amount"] for one in each] for each in (locks, deposits)] == [[2 * ONE]] * 2


@pytest.mark.parametrize("point", POINTS)
def test_mongodb_is_killed(paying: Paid, server: Server, monkeypatch: pytest.MonkeyPatch, point: str) -> None:
    memory = Memory()
    at(monkeypatch, point, server.kill)

    if point == "before the lock":
        with pytest.raises(errors.StoreUnreachable):
            run(paid_operator(SLOW), context(memory))
        assert paying.events("Lock") == []
        server.start()
        paying.database["ledger_leases"].delete_many({})
        returned = run(paid_operator(SLOW), context(memory, tries=(2, 2)))
    else:
        # The job is paid, and goes on without a ledger.
        returned = run(paid_operator(SLOW), context(memory))
        server.start()

    assert written(returned) == {"out.txt": "x"}
    assert paid_once(paying)
    settled(paying)
    assert paying.reservation()["cost"] == str(ONE)


@pytest.mark.parametrize("point", POINTS[:2])
def test_mongodb_answers_nothing_for_a_while(
    paying: Paid, server: Server, monkeypatch: pytest.MonkeyPatch, point: str
) -> None:
    at(monkeypatch, point, server.freeze)

    returned = run(paid_operator(SLOW), context())

    assert written(returned) == {"out.txt": "x"}
    assert paid_once(paying)
    settled(paying)


def test_an_ocean_node_that_is_killed_before_the_lock_is_paid_once_when_it_is_back(
    paying_node: Paid, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    at(monkeypatch, "before the lock", node.kill)
    with pytest.raises(errors.OceanNodeUnreachable):
        run(paid_operator(SLOW), context(memory))
    assert paying_node.events("Lock") == []

    node.start()
    returned = run(paid_operator(SLOW), context(memory, tries=(2, 2)))

    assert written(returned) == {"out.txt": "x"}
    assert paid_once(paying_node)
    settled(paying_node)


@pytest.mark.usefixtures("clock_kept")
def test_an_ocean_node_that_is_killed_once_it_has_locked_is_not_paid_again(
    paying_node: Paid, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is still in its queue then runs when it is back; what it had begun with has failed."""

    def kill_and_start() -> None:
        node.kill()
        node.start()

    at(monkeypatch, "after the lock", kill_and_start)

    with suppress(errors.JobFailed):
        assert written(run(paid_operator(SLOW), context())) == {"out.txt": "x"}

    assert paid_once(paying_node)
    # Whatever it has not claimed by then comes back.
    node.chain.pass_time(3 * 3600)
    nothing_stays(paying_node)
    cost, back = (int(paying_node.reservation()[name]) for name in ("cost", "refunded"))
    assert cost + back == 2 * ONE
    assert paying_node.escrow_funds() == (back, 0)


@pytest.mark.usefixtures("clock_kept")
def test_an_ocean_node_that_is_killed_while_a_paid_job_runs_is_not_paid_for_it(
    paying_node: Paid, node: Node, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its container ends with it, so the job has failed; an Ocean Node claims nothing for such a one."""

    def kill_and_start() -> None:
        wait_until_it_runs(node.url, paying_node.address)
        node.kill()
        node.start()

    at(monkeypatch, "while it runs", kill_and_start)

    with pytest.raises(errors.JobFailed):
        run(paid_operator("import time; time.sleep(60)"), context())

    assert paid_once(paying_node)
    assert paying_node.escrow_funds() == (0, 2 * ONE)
    # When the lock has expired.
    node.chain.pass_time(3 * 3600)
    nothing_stays(paying_node)
    assert paying_node.escrow_funds() == (2 * ONE, 0)
    assert (len(paying_node.events("Lock")), paying_node.reservation()["cost"]) == (1, "0")


def wait_until_it_runs(url: str, owner: str) -> None:
    give_up_at = time.monotonic() + 30
    while True:
        (job,) = requests.get(f"{url}/api/services/compute", params={"consumerAddress": owner}).json()
        if job["algoStartTimestamp"] not in (None, "0"):
            return
        assert time.monotonic() < give_up_at, job
        time.sleep(0.05)
