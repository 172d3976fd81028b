# SPDX-License-Identifier: Apache-2.0
"""Paid nodes as tasks: what they cost is counted on the chain itself."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException
from pymongo.database import Database

from airflow_provider_deflow import errors
from airflow_provider_deflow.chain import funding
from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.reservations import of_run
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from tests import services
from tests.forked import Forked
from tests.local_ocean_node.paying import ONE
from tests.operators import paid
from tests.operators.one_task import WRITE, Memory, context, operator, run, written
from tests.operators.paid import Paid, paid_operator, paid_task
from tests.operators.paid_process import POINTS, FileMemory, die_at, live

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
    (held,) = (
        paying.chain.at("Escrow")
        .functions.getLocks(paying.chain.fee_token, paying.address, paying.payee)
        .call()
    )
    assert int(reservation["expiry"]) == held[3]


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

    assert Forked(die_at, point, file).killed_by() == signal.SIGKILL
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


def test_a_reply_lost_after_the_lock_leads_to_the_job_that_was_paid(paying: Paid) -> None:
    paying.between.lose_reply = "POST /api/services/compute"

    returned = run(paid_operator(WRITE.format("x")), context())

    assert written(returned) == {"out.txt": "x"}
    assert paying.between.passed.count("POST /api/services/compute") == 1
    assert (len(paying.events("Lock")), paying.reservation()["state"]) == (1, "locked")


def test_a_request_that_was_lost_locks_nothing_and_the_next_try_pays_once(
    paying: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("airflow_provider_deflow.job_search.UNCONFIRMED_SECONDS", 2.0)
    memory = Memory()
    paying.between.lose_request = "POST /api/services/compute"
    with pytest.raises(errors.OceanNodeUnreachable):
        run(paid_operator(WRITE.format("x")), context(memory))
    assert paying.events("Lock") == []

    run(paid_operator(WRITE.format("x")), context(memory))

    assert (len(paying.events("Lock")), len(paying.events("Deposit"))) == (1, 1)


def test_a_wallet_with_too_few_tokens_says_what_it_has_and_needs(paying: Paid) -> None:
    dear = paid_operator(
        "pass", per_run="1000", max_duration_seconds=3600, compute_resources={"cpu": 2, "ram": 1}
    )

    with pytest.raises(AirflowFailException, match=r"TooFewTokens: .* has 100 tokens .* this job locks 120"):
        run(dear, context())

    assert (paying.sent(), paying.events("Lock")) == (0, [])


def test_an_authorisation_revoked_behind_our_back_is_made_again(
    paying: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_ready, times = funding.make_ready, []

    def and_revoke(*args: Any) -> None:
        make_ready(*args)
        times.append(1)
        if len(times) == 1:
            escrow = paying.chain.at("Escrow")
            revoke = escrow.functions.authorize(paying.chain.fee_token, paying.payee, 0, 0, 0)
            paying.chain.send(paying.key, revoke)

    monkeypatch.setattr(funding, "make_ready", and_revoke)

    run(paid_operator(WRITE.format("x")), context())

    assert len(times) == 2
    assert [lock["args"]["amount"] for lock in paying.events("Lock")] == [2 * ONE]


@pytest.mark.usefixtures("clock_kept")
def test_a_lock_without_a_job_holds_up_its_node_until_it_came_back(paying: Paid) -> None:
    """The Ocean Node looks for the image when the money is locked."""
    algorithm = {"code": "pass", "image": "nobody/nothing:1", "entrypoint": "sh $ALGO"}
    said = r"LockOrphaned: 'train': 2 tokens .* come back when the lock expires, at \d{4}"
    for _ in range(2):
        with pytest.raises(AirflowFailException, match=said):
            run(paid_operator("", algorithm=algorithm), context())
    assert len(paying.events("Lock")) == 1

    paying.chain.pass_time(3 * 3600)
    with pytest.raises(AirflowFailException, match="LockOrphaned"):
        run(paid_operator("", algorithm=algorithm), context())

    assert [event["args"]["amount"] for event in paying.events("Canceled")] == [2 * ONE]
    assert (len(paying.events("Lock")), len(paying.events("Deposit"))) == (2, 1)


def test_a_person_may_pay_beside_a_lock_without_a_job(paying: Paid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_deflow.job_search.UNCONFIRMED_SECONDS", 3.0)
    algorithm = {"code": "pass", "image": "nobody/nothing:1", "entrypoint": "sh $ALGO"}
    memory = Memory()
    with pytest.raises(AirflowFailException, match="LockOrphaned"):
        run(paid_operator("", algorithm=algorithm), context(memory))

    run(paid_operator(WRITE.format("x")), context(memory, conf={"force_new": True}))

    assert (len(paying.events("Lock")), paying.escrow_funds()) == (2, (0, 4 * ONE))


def test_a_run_that_would_exceed_fails_before_its_first_payment(paying: Paid) -> None:
    with DAG("by_hand", schedule=None):
        first = paid_task("first", WRITE.format("x"), "3")
        paid_task("second", "pass", "3")

    with pytest.raises(AirflowFailException, match=r"is 3 tokens, 0 of it .*, and 4 are asked for"):
        run(first, context())

    assert (paying.sent(), paying.events("Lock")) == (0, [])


def test_a_run_reserves_for_all_its_nodes_before_it_pays_for_one(paying: Paid) -> None:
    with DAG("by_hand", schedule=None):
        first = paid_task("first", WRITE.format("x"), "4")
        second = paid_task("second", WRITE.format("y"), "4")
    run(first, context())
    assert paying.reservations.taken_of(of_run(Run("by_hand", "run 1"), 0).id) == 4 * ONE

    run(second, context())

    assert paying.reservations.taken_of(of_run(Run("by_hand", "run 1"), 0).id) == 4 * ONE
    assert len(paying.events("Lock")) == 2


def test_a_day_has_a_budget_over_its_runs(paying: Paid) -> None:
    run(paid_operator(WRITE.format("x"), per_day="3"), context(run_id="run 1"))

    with pytest.raises(AirflowFailException, match=r"by_hand on \d{4}-\d\d-\d\d is 3 tokens, 2 of it"):
        run(paid_operator(WRITE.format("y"), per_day="3"), context(run_id="run 2"))

    assert len(paying.events("Lock")) == 1


def test_an_ocean_node_that_the_wallet_does_not_trust_is_not_paid(
    paying: Paid, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallet = json.loads(os.environ["AIRFLOW_CONN_OCEAN_WALLET_DEFAULT"])
    wallet["extra"]["ocean_nodes"] = ["https://another.example"]
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_DEFAULT", json.dumps(wallet))

    with pytest.raises(AirflowFailException, match=r"does not trust .* Add the URL to `ocean_nodes`"):
        run(paid_operator("pass"), context())

    assert "POST /api/services/compute" not in paying.between.passed


def test_without_a_ledger_nothing_is_paid(paying: Paid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DEFLOW_MONGO")

    with pytest.raises(AirflowFailException, match="without a ledger nothing is paid"):
        run(paid_operator("pass"), context())

    assert (paying.sent(), paying.events("Lock")) == (0, [])


def test_a_quote_above_the_listed_prices_is_not_paid(paying: Paid, monkeypatch: pytest.MonkeyPatch) -> None:
    quote = OceanNode.quote

    def dearer(self: OceanNode, *args: Any) -> Any:
        return replace(quote(self, *args), amount=2 * ONE + 1)

    monkeypatch.setattr(OceanNode, "quote", dearer)

    with pytest.raises(
        AirflowFailException, match=r"QuoteRefused: .* its prices come to 2000000000000000000"
    ):
        run(paid_operator("pass"), context())
    assert paying.sent() == 0


def test_a_paid_node_without_a_budget_is_a_problem() -> None:
    with pytest.raises(errors.InvalidGraph, match=r"budget\.per_run: a paid node needs a budget"):
        OceanComputeOperator(
            task_id="train", node={"algorithm": {"code": "pass", "image": "a:1"}, "payment": {"mode": "paid"}}
        )


def test_a_free_node_asks_no_chain_and_needs_no_ledger(paying: Paid, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DEFLOW_MONGO")
    wallet = json.loads(os.environ["AIRFLOW_CONN_OCEAN_WALLET_DEFAULT"])
    # Whoever asks this one waits for ever, or is refused.
    wallet["extra"]["rpc_url"] = "http://127.0.0.1:9"
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_DEFAULT", json.dumps(wallet))

    returned = run(operator(WRITE.format("x")), context())

    assert written(returned) == {"out.txt": "x"}


def test_processes_that_pay_at_once_with_one_wallet_lock_once_each(paying: Paid) -> None:
    runs = [f"run {number}" for number in range(4)]
    processes = [Forked(live, run_id) for run_id in runs]
    for process in processes:
        process.result()

    assert [lock["args"]["amount"] for lock in paying.events("Lock")] == [2 * ONE] * 4
    assert sum(deposit["args"]["amount"] for deposit in paying.events("Deposit")) == 8 * ONE
    numbers = {paying.reservation(run_id=run_id)["lock_number"] for run_id in runs}
    assert numbers == {str(lock["args"]["jobId"]) for lock in paying.events("Lock")}
