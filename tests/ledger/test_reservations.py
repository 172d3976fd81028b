# SPDX-License-Identifier: Apache-2.0
"""Budgets in a real MongoDB: reserved once, never more than there is, whoever asks at once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pymongo
import pytest
from pymongo.database import Database

from airflow_provider_deflow import errors
from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.leases import Leases
from airflow_provider_deflow.ledger.reservations import Budget, Reservations, Token, of_day, of_run
from tests.forked import Forked

Mongo = Database[dict[str, Any]]

ONE = 10**18
TOKEN = Token(8996, "0x5FbDB2315678afecb367f032d93F642f64180aa3", 18)
RUN = Run("deflow_prediction", "manual 1")


def reserve(reservations: Reservations, key: str, amount: int, *budgets: Budget, **more: Any) -> None:
    about = {"run": RUN.id, "dag_id": RUN.dag_id, "run_id": RUN.run_id, "task_id": key}
    reservations.reserve({key: amount}, TOKEN, budgets, {key: about}, **more)


def test_a_key_is_reserved_once_however_often_it_is_asked(mongo_database: Mongo) -> None:
    reservations, budget = Reservations(mongo_database), of_run(RUN, 5 * ONE)

    for _ in range(3):
        reserve(reservations, "a", 3 * ONE, budget)

    assert reservations.taken_of(budget.id) == 3 * ONE


def test_what_would_exceed_is_refused_whole_and_says_budget_reserved_and_asked(mongo_database: Mongo) -> None:
    reservations, budget = Reservations(mongo_database), of_run(RUN, 5 * ONE)
    reserve(reservations, "a", 4 * ONE, budget)

    with pytest.raises(errors.BudgetExceeded, match=r"is 5 tokens, 4 of it are .*, and 1.5 are asked for"):
        reserve(reservations, "b", 3 * ONE // 2, budget)

    assert reservations.taken_of(budget.id) == 4 * ONE
    assert reservations.get("b") is None


def test_of_a_day_that_would_exceed_the_run_takes_nothing_either(mongo_database: Mongo) -> None:
    reservations, run = Reservations(mongo_database), of_run(RUN, 5 * ONE)
    day = of_day(RUN.dag_id, datetime(2026, 11, 22, tzinfo=UTC), 2 * ONE)

    with pytest.raises(errors.BudgetExceeded, match="deflow_prediction on 2026-11-22 is 2 tokens"):
        reserve(reservations, "a", 3 * ONE, run, day)

    assert (reservations.taken_of(run.id), reservations.taken_of(day.id)) == (0, 0)


def test_what_a_job_did_not_cost_is_free_again(mongo_database: Mongo) -> None:
    reservations, budget = Reservations(mongo_database), of_run(RUN, 5 * ONE)
    reserve(reservations, "a", 4 * ONE, budget)

    for _ in range(2):
        reservations.settle("a", ONE, claim_tx="0x1")

    assert reservations.taken_of(budget.id) == ONE
    reserve(reservations, "b", 4 * ONE, budget)


def test_a_settled_key_is_not_paid_again(mongo_database: Mongo) -> None:
    reservations, budget = Reservations(mongo_database), of_run(RUN, 5 * ONE)
    reserve(reservations, "a", 4 * ONE, budget)
    reservations.settle("a", 2 * ONE)

    reserve(reservations, "a", 4 * ONE, budget)
    reservations.release("a")

    found = reservations.get("a")
    assert found is not None
    assert (found["state"], reservations.taken_of(budget.id)) == ("settled", 2 * ONE)


def test_released_is_as_if_never_reserved_but_for_its_history(mongo_database: Mongo) -> None:
    reservations, budget = Reservations(mongo_database), of_run(RUN, 5 * ONE)
    reserve(reservations, "a", 4 * ONE, budget)
    reservations.add_transaction("a", {"hash": "0x1", "gas": "21000"})
    reservations.release("a")
    assert reservations.taken_of(budget.id) == 0

    reserve(reservations, "a", 5 * ONE, budget)

    found = reservations.get("a")
    assert found is not None
    assert (found["amount"], found["earlier"][0]["transactions"][0]["hash"]) == (str(5 * ONE), "0x1")


def test_a_plan_counts_until_its_job_takes_its_place(mongo_database: Mongo) -> None:
    reservations, budget = Reservations(mongo_database), of_run(RUN, 5 * ONE)
    reserve(reservations, "plan a", 3 * ONE, budget, state="planned")
    with pytest.raises(errors.BudgetExceeded):
        reserve(reservations, "plan b", 3 * ONE, budget, state="planned")

    reserve(reservations, "a", 4 * ONE, budget, instead_of=["plan a"])
    reserve(reservations, "plan a", 3 * ONE, budget, state="planned")  # by another task, late

    assert reservations.taken_of(budget.id) == 4 * ONE


def test_amounts_beyond_any_integer_of_mongodb_are_exact(mongo_database: Mongo) -> None:
    reservations, budget = Reservations(mongo_database), of_run(RUN, 2**255)
    reserve(reservations, "a", 2**254 + 1, budget)
    reserve(reservations, "b", 2**254 - 1, budget)

    with pytest.raises(errors.BudgetExceeded):
        reserve(reservations, "c", 1, budget)

    assert reservations.taken_of(budget.id) == 2**255


def test_a_budget_counts_one_token(mongo_database: Mongo) -> None:
    reservations, budget = Reservations(mongo_database), of_run(RUN, 5 * ONE)
    reserve(reservations, "a", ONE, budget)

    with pytest.raises(errors.BudgetExceeded, match="Name one token"):
        reservations.reserve({"b": 1}, Token(8996, "0x" + "1" * 40, 6), [budget], {})


def _reserve_ten(uri: str, name: str, who: int) -> int:
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        reservations, budget, got = Reservations(client[name]), of_run(RUN, 50 * ONE), 0
        for number in range(10):
            try:
                reserve(reservations, f"{who} {number}", ONE, budget)
            except errors.BudgetExceeded:
                continue
            got += 1
        return got


def test_twenty_processes_at_once_get_all_there_is_and_no_more(mongo_uri: str, mongo_database: Mongo) -> None:
    processes = [Forked(_reserve_ten, mongo_uri, mongo_database.name, who) for who in range(20)]
    got = [process.result() for process in processes]

    assert sum(got) == 50
    assert Reservations(mongo_database).taken_of(of_run(RUN, 0).id) == 50 * ONE


def test_a_lease_is_held_by_one_and_goes_on_when_its_time_is_over(mongo_database: Mongo) -> None:
    leases = Leases(mongo_database)
    with leases.held("wallet") as first:
        with pytest.raises(errors.WalletBusy), leases.held("wallet", wait_seconds=0.2):
            pass
        first.renew()
    with (
        leases.held("wallet", seconds=0.05) as late,
        leases.held("wallet", wait_seconds=5),
        pytest.raises(errors.WalletBusy, match="went to another"),
    ):
        late.renew()
