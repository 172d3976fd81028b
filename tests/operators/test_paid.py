# SPDX-License-Identifier: Apache-2.0
"""Paid nodes as tasks: what they cost is counted on the chain itself."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from pymongo.database import Database

from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.reservations import of_run
from tests import services
from tests.local_ocean_node.paying import ONE
from tests.operators import paid
from tests.operators.one_task import WRITE, Memory, context, run, written
from tests.operators.paid import Paid, paid_operator
from tests.operators.paid_process import POINTS, FileMemory

# Airflow says so at each direct call of execute.
pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")


@pytest.fixture
def paying(
    chain: services.Chain,
    tmp_path: Path,
    mongo_uri: str,
    mongo_database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Paid]:
    with paid.paying(chain, tmp_path, mongo_database, monkeypatch, mongo_uri) as one:
        yield one


def test_a_paid_node_runs_and_locks_what_was_quoted_once(paying: Paid) -> None:
    returned = run(paid_operator(WRITE.format("x")), context())

    assert written(returned) == {"out.txt": "x"}
    (lock,) = paying.events("Lock")
    assert lock["args"]["amount"] == 2 * ONE
    reservation = paying.reservation()
    assert (reservation["state"], reservation["locked"]) == ("locked", str(2 * ONE))
    assert reservation["lock_number"] == str(lock["args"]["jobId"])


def test_nothing_more_is_deposited_or_allowed_than_one_job_locks(paying: Paid) -> None:
    run(paid_operator(WRITE.format("x")), context())

    assert [event["args"]["amount"] for event in paying.events("Deposit")] == [2 * ONE]
    most, current, _seconds, count, locks = paying.authorization()
    assert (most, current, count, locks) == (2 * ONE, 2 * ONE, 1, 1)


def test_a_retry_of_what_succeeded_pays_nothing(paying: Paid) -> None:
    memory = Memory()
    run(paid_operator(WRITE.format("x")), context(memory))
    sent = paying.sent()

    run(paid_operator(WRITE.format("x")), context(memory))
    run(paid_operator(WRITE.format("x")), context())  # even without a memory

    assert (len(paying.events("Lock")), paying.sent()) == (1, sent)


def test_a_job_over_the_budget_fails_before_anything_is_paid(paying: Paid) -> None:
    with pytest.raises(AirflowFailException, match=r"BudgetExceeded: .*is 1\.5 tokens.*and 2 are asked for"):
        run(paid_operator("pass", per_run="1.5"), context())

    assert (paying.sent(), paying.events("Lock")) == (0, [])


@pytest.mark.parametrize("memory_is", ["kept", "lost"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_anywhere_the_next_try_leads_to_one_lock(
    paying: Paid, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, memory_is: str
) -> None:
    monkeypatch.setattr("airflow_provider_deflow.job_search.UNCONFIRMED_SECONDS", 3.0)
    if point == "sent":
        paying.between.lose_reply = "POST /api/services/compute"
    file = tmp_path / "memory.json"

    killed = subprocess.run([sys.executable, "-m", "tests.operators.paid_process", point, file], timeout=120)
    assert killed.returncode == -signal.SIGKILL
    # As if its time were over: nobody lets go of a killed process's lease.
    paying.database["ledger_leases"].delete_many({})
    returned = run(
        paid_operator(WRITE.format("x")), context(FileMemory(file) if memory_is == "kept" else None)
    )

    assert written(returned) == {"out.txt": "x"}
    assert [lock["args"]["amount"] for lock in paying.events("Lock")] == [2 * ONE]
    assert [deposit["args"]["amount"] for deposit in paying.events("Deposit")] == [2 * ONE]
    assert len(paying.events("Auth")) == 1
    assert paying.reservation()["state"] == "locked"
    assert paying.reservations.taken_of(of_run(Run("by_hand", "run 1"), 0).id) == 2 * ONE
