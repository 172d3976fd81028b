# SPDX-License-Identifier: Apache-2.0
"""A graph with a free and a paid node in a real Airflow, on the chain that `deflow up` starts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pymongo
import pytest

from airflow_provider_deflow import stack
from airflow_provider_deflow.ledger.reservations import Reservations
from tests.e2e import drawn
from tests.e2e.conftest import SETTINGS, Deployment, deployed, free_port
from tests.e2e.test_recovery import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.chain, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def paying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = tmp_path_factory.mktemp("paid")
    starting = stack.running(home, port=free_port(), environment=SETTINGS, report=print, with_chain=True)
    with deployed(starting) as one:
        yield one


def graph(slug: str, per_run: str) -> dict[str, Any]:
    document = drawn.graph(slug, "ab", ["ab"], budget={"per_run": per_run})
    document["nodes"][1]["data"] |= {"payment": {"mode": "paid"}, "max_duration_seconds": 120}
    return document


def payments(one: Deployment, run_id: str) -> list[dict[str, Any]]:
    with pymongo.MongoClient[dict[str, Any]](one.up.mongo_uri) as client:
        found = Reservations(client["deflow"]).of_run_called(run_id)
    return [record for record in found if not record["_id"].startswith("plan ")]


def deflow(one: Deployment, group: str, *arguments: str) -> str:
    """What the command prints, which finds the stack by its home alone."""
    command = [
        sys.executable,
        "-m",
        "airflow_provider_deflow.cli",
        group,
        "--home",
        str(one.up.home),
        *arguments,
    ]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def test_a_paid_node_runs_and_upkeep_reads_what_it_cost(paying: Deployment) -> None:
    dag_id = paying.publish(graph("paid", "5"))
    run_id = paying.run(dag_id)
    state = paying.end_of(dag_id, run_id)
    assert state.run.state == "success", paying.why(state)
    assert paying.result(dag_id, run_id)["b/b.txt"] == b"b(a())"

    def upkeep_has_read() -> bool:
        paying.end_of("deflow_upkeep", paying.run("deflow_upkeep"))
        return payments(paying, run_id)[0]["state"] == "settled"

    wait_for(upkeep_has_read)
    (payment,) = payments(paying, run_id)
    assert payment["task_id"] == "b"
    assert int(payment["cost"]) + int(payment["refunded"]) == int(payment["locked"]) > 0
    assert 0 < int(payment["cost"]) < int(payment["locked"])
    told = deflow(paying, "ledger", "reconcile", run_id)
    assert told == "1 lock(s) and 0 order(s) compared with the chain, 0 difference(s)\n"
    quote = json.loads(deflow(paying, "graphs", "quote", "paid", "--json"))
    assert quote["nodes"]["b"]["base_units"] == payment["locked"]


def test_a_run_beyond_its_budget_fails_and_locks_nothing(paying: Deployment) -> None:
    dag_id = paying.publish(graph("too-dear", "0.01"))
    run_id = paying.run(dag_id)

    state = paying.end_of(dag_id, run_id)

    assert state.run.state == "failed"
    assert "BudgetExceeded" in paying.why(state)
    assert payments(paying, run_id) == []
