# SPDX-License-Identifier: Apache-2.0
"""What real runs, in a real Airflow, leave in the ledger."""

from __future__ import annotations

from typing import Any

import pymongo
import pytest

from airflow_provider_deflow.ledger import history
from airflow_provider_deflow.ledger.store import LedgerStore
from tests.e2e import drawn
from tests.e2e.conftest import Deployment
from tests.e2e.test_recovery import trigger_log, wait_for

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(900)]


def told(deployment: Deployment, run_id: str) -> dict[str, Any]:
    with pymongo.MongoClient[dict[str, Any]](deployment.up.mongo_uri) as client:
        ledger = LedgerStore(client["deflow"])
        found = ledger.run(run_id)
        return history.of_run(found, ledger.entries([found["_id"]]))


def test_a_run_is_told_with_its_nodes_edges_and_results(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("recorded", "ab", ["ab"]))
    run_id = deployment.run(dag_id)
    state = deployment.end_of(dag_id, run_id)
    assert state.run.state == "success", deployment.why(state)

    run = told(deployment, run_id)
    assert (run["state"], run["graph"], run["revision"]) == ("succeeded", "recorded", 1)
    assert {node["task_id"]: node["jobs"][0]["outcome"] for node in run["nodes"]} == {
        "a": "succeeded",
        "b": "succeeded",
    }
    assert [(edge["source"], edge["target"], edge["count"]) for edge in run["edges"]] == [("a", "b", 1)]
    archive = deployment.airflow.xcom(dag_id, run_id, "results")["archive"]
    assert run["results"]["archive"] == archive


def test_a_deferred_task_that_a_person_ended_is_told_by_the_triggerer(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("recorded-end", "a", (), {"a": 120.0}))
    run_id = deployment.run(dag_id)
    wait_for(lambda: "Running algorithm" in trigger_log(deployment, dag_id))

    deployment.airflow.set_task_state(dag_id, run_id, "a", "failed")

    wait_for(lambda: "outcome" in told(deployment, run_id)["nodes"][0]["jobs"][0])
    (node,) = told(deployment, run_id)["nodes"]
    assert (node["state"], node["jobs"][0]["outcome"]) == ("stopped", "stopped")
    assert node["tries"][0]["told_to_end"]["why"] == "a person ended the task"
    assert node["jobs"][0]["generation"] == 0, "said by the worker, before it handed the job over"
