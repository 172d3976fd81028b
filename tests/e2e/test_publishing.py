# SPDX-License-Identifier: Apache-2.0
"""What a publish means for runs: one under way keeps its revision, a bad graph harms nobody else."""

from __future__ import annotations

import json
import time

import pytest

from tests.e2e import drawn
from tests.e2e.conftest import Deployment

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(900)]


def test_publishing_in_mid_run_changes_nothing_for_that_run(deployment: Deployment) -> None:
    first = drawn.graph("edited", "ab", ("ab",), {"a": 8.0})
    second = drawn.graph("edited", "abc", ("ab", "bc"), {"a": 0.5})
    dag_id = deployment.publish(first)
    run_id = deployment.run(dag_id)
    while not any(
        task.task_id == "a" and task.started for task in deployment.airflow.task_instances(dag_id, run_id)
    ):
        time.sleep(0.2)

    old_version = deployment.airflow.dag_run(dag_id, run_id).bundle_version
    deployment.publish(second)
    while deployment.airflow.dag_versions(dag_id) == 1:
        time.sleep(0.5)  # Airflow has not read the new revision yet
    new_run = deployment.run(dag_id)

    old, new = deployment.end_of(dag_id, run_id), deployment.end_of(dag_id, new_run)
    assert old.run.state == "success", deployment.why(old)
    assert new.run.state == "success", deployment.why(new)
    assert old.run.bundle_version == old_version
    assert {task.task_id for task in old.tasks} == {"a", "b", "a__b", "results"}
    assert {task.task_id for task in new.tasks} == {"a", "b", "c", "a__b", "b__c", "results"}
    old_files, new_files = deployment.result(dag_id, run_id), deployment.result(dag_id, new_run)
    assert old_files["b/b.txt"] == b"b(a())"
    assert new_files["c/c.txt"] == b"c(b(a()))"
    assert json.loads(old_files["manifest.json"])["graph"]["revision"] == 1
    assert json.loads(new_files["manifest.json"])["graph"]["revision"] == 2


def test_a_bad_graph_is_an_import_error_of_its_own_file(deployment: Deployment) -> None:
    good = deployment.publish(drawn.graph("good-neighbour", "ab", ("ab",)))
    deployment.publish(drawn.graph("round-and-round", "ab", ("ab", "ba")), force=True)

    deadline = time.monotonic() + 180
    while True:
        errors = {error.filename: error.stack_trace for error in deployment.airflow.import_errors()}
        if "round-and-round.py" in errors or time.monotonic() > deadline:
            break
        time.sleep(0.5)

    assert list(errors) == ["round-and-round.py"]
    assert "InvalidGraph: graph 'round-and-round' has 1 problem" in errors["round-and-round.py"]
    run_id = deployment.run(good)
    state = deployment.end_of(good, run_id)
    assert state.run.state == "success", deployment.why(state)


def test_publishing_one_graph_makes_no_new_dag_version_of_another(deployment: Deployment) -> None:
    still = deployment.publish(drawn.graph("still", "ab", ("ab",)))
    moving = deployment.publish(drawn.graph("moving", "a"))
    for dag_id in (still, moving):
        state = deployment.end_of(dag_id, deployment.run(dag_id))
        assert state.run.state == "success", deployment.why(state)

    deployment.publish(drawn.graph("moving", "ab", ("ab",)))
    deadline = time.monotonic() + 180
    while deployment.airflow.dag_versions(moving) == 1 and time.monotonic() < deadline:
        time.sleep(0.5)

    assert deployment.airflow.dag_versions(moving) == 2
    assert deployment.airflow.dag_versions(still) == 1


def test_a_deleted_graph_leaves_airflow_and_its_revisions_stay(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("short-lived", "a"))
    deployment.airflow.wait_for_dag(dag_id, timeout_seconds=180)

    deployment.store.delete("short-lived", author="tests")

    deadline = time.monotonic() + 180
    while not deployment.airflow.dag_is_stale(dag_id) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert deployment.airflow.dag_is_stale(dag_id)
    assert deployment.store.revision("short-lived", 1).document["slug"] == "short-lived"
