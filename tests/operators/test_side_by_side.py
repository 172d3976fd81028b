# SPDX-License-Identifier: Apache-2.0
"""One wallet that pays at two Ocean Nodes at once: what it locked and brought in is counted on the chain."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from pymongo.database import Database

from airflow_provider_deflow.ledger.reservations import Token
from tests import proxy, services
from tests.forked import Forked
from tests.local_ocean_node.paying import ONE, running_paid_node
from tests.local_ocean_node.paying import paid as paid_node
from tests.operators import paid
from tests.operators.one_task import WRITE, context, run
from tests.operators.paid import Paid, paid_operator
from tests.operators.paid_process import FileMemory, die_at, live

# Airflow says so at each direct call of execute.
pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")
START = "POST /api/services/compute"


@dataclass(frozen=True)
class Pair:
    """A wallet that trusts two Ocean Nodes; the other one is connection `second`."""

    wallet: Paid
    second: proxy.Proxy

    def amounts(self, event: str) -> list[int]:
        return [one["args"]["amount"] for one in self.wallet.events(event)]

    def payees(self) -> set[str]:
        return {one["args"]["payee"] for one in self.wallet.events("Lock")}


@pytest.fixture
def tokens() -> int:
    return 100


@pytest.fixture
def pair(
    chain: services.Chain,
    tmp_path: Path,
    mongo_uri: str,
    mongo_database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    tokens: int,
) -> Iterator[Pair]:
    settings = paid_node(chain, tmp_path / "second", test_routes=True)
    with (
        paid.paying(chain, tmp_path, mongo_database, monkeypatch, mongo_uri, tokens) as wallet,
        running_paid_node(chain, settings) as url,
        proxy.between(url) as second,
    ):
        node = json.loads(os.environ["AIRFLOW_CONN_OCEAN_NODE_DEFAULT"])
        monkeypatch.setenv("AIRFLOW_CONN_SECOND", json.dumps({**node, "host": second.url}))
        account = json.loads(os.environ["AIRFLOW_CONN_OCEAN_WALLET_DEFAULT"])
        account["extra"]["ocean_nodes"] = [wallet.between.url, second.url]
        monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_DEFAULT", json.dumps(account))
        yield Pair(wallet, second)


def on_second(run_id: str) -> None:
    run(paid_operator(WRITE.format("x"), ocean_node="second"), context(run_id=run_id))


def killed_when_authorised(pair: Pair, memory: Path) -> None:
    assert Forked(die_at, "authorised", memory).killed_by() == signal.SIGKILL
    assert pair.wallet.escrow_funds() == (2 * ONE, 0)


def places_are_free_again(pair: Pair) -> None:
    """As if their time were over: nobody lets go of a killed process's lease."""
    pair.wallet.database["ledger_leases"].delete_many({})


def test_starts_at_two_ocean_nodes_wait_for_their_answers_side_by_side(pair: Pair) -> None:
    """Each node hears of its start only when the other one's is there too."""
    both = threading.Barrier(2, timeout=100)
    pair.wallet.between.meeting = pair.second.meeting = (START, both)

    for process in [Forked(live, "run 1"), Forked(live, "run 2", "second")]:
        process.result()

    assert pair.amounts("Lock") == [2 * ONE] * 2
    assert len(pair.payees()) == 2
    assert sum(pair.amounts("Deposit")) == 4 * ONE


def test_what_a_start_brought_in_is_left_to_it_by_those_at_other_nodes(pair: Pair, tmp_path: Path) -> None:
    killed_when_authorised(pair, tmp_path / "memory.json")

    on_second("run 2")

    assert (pair.amounts("Deposit"), pair.amounts("Lock")) == ([2 * ONE] * 2, [2 * ONE])
    places_are_free_again(pair)
    run(paid_operator(WRITE.format("x")), context(FileMemory(tmp_path / "memory.json")))
    assert pair.amounts("Deposit") == [2 * ONE] * 2
    assert (pair.amounts("Lock"), len(pair.payees())) == ([2 * ONE] * 2, 2)


def test_what_a_killed_start_brought_in_is_used_when_its_time_is_over(pair: Pair, tmp_path: Path) -> None:
    killed_when_authorised(pair, tmp_path / "memory.json")
    places_are_free_again(pair)

    on_second("run 2")

    assert (pair.amounts("Deposit"), pair.amounts("Lock")) == ([2 * ONE], [2 * ONE])


@pytest.mark.parametrize("tokens", [3])
def test_funds_that_are_too_few_for_both_are_left_to_the_first(pair: Pair, tmp_path: Path) -> None:
    killed_when_authorised(pair, tmp_path / "memory.json")

    said = r"has 1 tokens of .*, and 0 in the escrow that no other start needs .*; this job locks 2\."
    with pytest.raises(AirflowFailException, match=said):
        on_second("run 2")

    assert (pair.amounts("Deposit"), pair.amounts("Lock")) == ([2 * ONE], [])


def test_what_another_start_has_locked_is_not_brought_in_twice(pair: Pair, tmp_path: Path) -> None:
    """Killed before it could say that its lock is there, it still holds its place."""
    assert Forked(die_at, "answered", tmp_path / "memory.json").killed_by() == signal.SIGKILL
    assert pair.wallet.reservation()["state"] == "sent"

    on_second("run 2")

    assert (pair.amounts("Deposit"), pair.amounts("Lock")) == ([2 * ONE] * 2, [2 * ONE] * 2)


def test_who_brings_funds_in_does_so_for_starts_that_wait_and_allows_one_lock_only(pair: Pair) -> None:
    """Each waits for its turn until the first one's start is answered."""
    held = threading.Barrier(2, timeout=100)
    pair.wallet.between.meeting = (START, held)
    first = Forked(live, "run 1")
    wait_for(lambda: START in pair.wallet.between.passed)
    others = [Forked(live, f"run {number}") for number in (2, 3)]
    wait_for(lambda: len(waiting(pair)) == 2)
    Forked(live, "run 4", "second").result()
    assert pair.amounts("Deposit") == [2 * ONE, 6 * ONE]
    most, _, _, count, _ = pair.wallet.authorization()
    assert (most, count) == (2 * ONE, 1)

    pair.wallet.between.meeting = None
    held.wait()

    for process in (first, *others):
        process.result()
    assert (pair.amounts("Deposit"), pair.amounts("Lock")) == ([2 * ONE, 6 * ONE], [2 * ONE] * 4)


@pytest.mark.parametrize("tokens", [3])
def test_who_brings_funds_in_for_others_keeps_to_what_the_wallet_has(pair: Pair) -> None:
    chain = pair.wallet.chain
    about = {"payer": pair.wallet.address, "payee": chain.addresses["Escrow"], "run": "another"}
    token = Token(chain.chain_id, chain.fee_token, 18)
    pair.wallet.reservations.reserve({"another": 2 * ONE}, token, [], {"another": about})

    on_second("run 2")

    assert (pair.amounts("Deposit"), pair.amounts("Lock")) == ([3 * ONE], [2 * ONE])


def waiting(pair: Pair) -> list[Any]:
    """What is reserved and not sent."""
    reservations = pair.wallet.database["ledger_reservations"]
    return list(reservations.find({"state": "reserved", "promised_by": {"$exists": False}}))


def wait_for(is_so: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + 100
    while not is_so():
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
