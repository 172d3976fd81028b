# SPDX-License-Identifier: Apache-2.0
"""A graph with a free and a paid node in a real Airflow, on the chain that `deflow up` starts.

Among the first files of this folder, by its name: upkeep looks at every Ocean Node that had jobs in the last
days, and other tests leave many behind that are gone.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pymongo
import pytest

from airflow_provider_deflow.ledger.reservations import Reservations
from tests.e2e import drawn
from tests.e2e.conftest import Deployment
from tests.e2e.test_recovery import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.chain, pytest.mark.timeout(900)]


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


def test_a_paid_node_runs_and_upkeep_reads_what_it_cost(deployment: Deployment) -> None:
    dag_id = deployment.publish(graph("paid", "5"))
    run_id = deployment.run(dag_id)
    state = deployment.end_of(dag_id, run_id)
    assert state.run.state == "success", deployment.why(state)
    assert deployment.result(dag_id, run_id)["b/b.txt"] == b"b(a())"

    def upkeep_has_read() -> bool:
        deployment.end_of("deflow_upkeep", deployment.run("deflow_upkeep"))
        return payments(deployment, run_id)[0]["state"] == "settled"

    wait_for(upkeep_has_read)
    (payment,) = payments(deployment, run_id)
    assert payment["task_id"] == "b"
    assert int(payment["cost"]) + int(payment["refunded"]) == int(payment["locked"]) > 0
    assert 0 < int(payment["cost"]) < int(payment["locked"])
    told = deflow(deployment, "ledger", "reconcile", run_id)
    assert told == "1 lock(s) and 0 order(s) compared with the chain, 0 difference(s)\n"
    quote = json.loads(deflow(deployment, "graphs", "quote", "paid", "--json"))
    assert quote["nodes"]["b"]["base_units"] == payment["locked"]


def test_a_run_beyond_its_budget_fails_and_locks_nothing(deployment: Deployment) -> None:
    dag_id = deployment.publish(graph("too-dear", "0.01"))
    run_id = deployment.run(dag_id)

    state = deployment.end_of(dag_id, run_id)

    assert state.run.state == "failed"
    assert "BudgetExceeded" in deployment.why(state)
    assert payments(deployment, run_id) == []
