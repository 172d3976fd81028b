# SPDX-License-Identifier: Apache-2.0
"""What a node of a run cost, as the canvas shows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pymongo.database import Database

from airflow_provider_deflow.api import run_view
from airflow_provider_deflow.api.costs import by_task
from airflow_provider_deflow.ledger.entry import Run
from airflow_provider_deflow.ledger.reservations import Reservations, Token
from tests.api.people import Asking, drawing

pytestmark = pytest.mark.stack

TOKEN = Token(8996, "0x1234567890123456789012345678901234abcdef", 18)
RUN = Run("deflow_one", "r1", "one", 1)


def test_a_cost_is_at_most_what_is_reserved_until_the_job_is_settled(
    mongo_database: Database[dict[str, Any]],
) -> None:
    reservations = Reservations(mongo_database)
    about = {"run": RUN.id, "run_id": RUN.run_id, "dag_id": RUN.dag_id}
    for task_id, amount in {"open": 3 * 10**18, "paid": 3 * 10**18, "back": 10**18}.items():
        reservations.reserve({task_id: amount}, TOKEN, [], {task_id: {**about, "task_id": task_id}})
    planned = {"plan": {**about, "task_id": "later"}}
    reservations.reserve({"plan": 10**18}, TOKEN, [], planned, state="planned")
    reservations.settle("paid", 25 * 10**16)
    reservations.release("back")

    assert by_task(reservations.of_run(RUN)) == {
        "open": "at most 3 0x1234…cdef",
        "paid": "0.25 0x1234…cdef",
    }
    assert reservations.of_run(Run("deflow_two", "r1")) == []


def test_a_run_shows_what_its_paid_nodes_cost(
    ask: Callable[[str], Asking], mongo_database: Database[dict[str, Any]]
) -> None:
    ask("admin").create(drawing("one"))
    ask("admin").publish("one", 1)
    reservations = Reservations(mongo_database)
    about = {"run": RUN.id, "run_id": RUN.run_id, "dag_id": RUN.dag_id, "task_id": "a"}
    reservations.reserve({"key": 10**18}, TOKEN, [], {"key": about})

    # As Airflow's REST API tells of it; `test_runs` asks that itself.
    run = {"dag_id": RUN.dag_id, "dag_run_id": RUN.run_id, "state": "running", "bundle_version": "1"}
    times = {"start_date": None, "end_date": None}
    seen = run_view.of_run("one", {**run, **times}, [])

    assert {name: node.cost for name, node in seen.nodes.items()} == {
        "a": "at most 1 0x1234…cdef",
        "b": None,
    }
