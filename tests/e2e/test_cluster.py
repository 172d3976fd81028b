# SPDX-License-Identifier: Apache-2.0
"""Graphs on the cluster of `make cluster`: Celery, two workers of different queues, two triggerers."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_deflow.stack import cluster
from tests.e2e import drawn
from tests.e2e.conftest import SETTINGS, Deployment, deployed, free_port
from tests.e2e.test_recovery import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory):
    # Room for one in each, so that two that wait at a time wait in both.
    settings = SETTINGS | {"AIRFLOW__TRIGGERER__CAPACITY": "1"}
    home: Path = tmp_path_factory.mktemp("cluster")
    with deployed(cluster.running(home, port=free_port(), environment=settings, report=print)) as one:
        yield one


def test_tasks_run_where_queue_and_pool_send_them_and_wait_in_both_triggerers(
    deployment: Deployment,
) -> None:
    deployment.airflow.add_pool("narrow", slots=1)
    document = drawn.graph("queues", "abc", ("ab",), {"a": 40.0, "c": 40.0})
    placed = {"b": {"queue": "heavy", "pool": "narrow"}, "c": {"queue": "heavy"}}
    for node in document["nodes"]:
        node["data"] |= placed.get(node["id"], {})
    dag_id = deployment.publish(document)
    run_id = deployment.run(dag_id)

    wait_for(
        lambda: len({deployment.airflow.triggerer_of(dag_id, run_id, task) for task in "ac"} - {None}) == 2
    )

    state = deployment.end_of(dag_id, run_id)
    assert state.run.state == "success", deployment.why(state)
    assert {task.task_id: (task.queue, task.pool, task.hostname) for task in state.tasks} == {
        "a": ("default", "default_pool", "worker-1"),
        "a__b": ("heavy", "narrow", "worker-2"),
        "b": ("heavy", "narrow", "worker-2"),
        "c": ("heavy", "default_pool", "worker-2"),
        "results": ("default", "default_pool", "worker-1"),
    }
    assert deployment.result(dag_id, run_id)["b/b.txt"] == b"b(a())"


def test_runs_side_by_side_and_backfilled_ones_never_share_a_job(deployment: Deployment) -> None:
    """Here, because on SQLite Airflow gives up on a backfill halfway when somebody else writes."""
    document = drawn.graph("side-by-side", "a", (), schedule={"cron": "0 0 * * *"})
    before = {job.job_id for job in deployment.jobs()}
    dag_id = deployment.publish(document)
    by_hand = [deployment.run(dag_id) for _ in range(2)]
    deployment.airflow.backfill(dag_id, "2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z")
    # With the one that the schedule makes of a Dag that is no longer paused.
    wait_for(lambda: len(deployment.airflow.runs(dag_id)) == len(by_hand) + 2 + 1)

    states = [deployment.end_of(dag_id, run_id) for run_id in deployment.airflow.runs(dag_id)]

    assert {state.run.state for state in states} == {"success"}
    assert {run_id for run_id in by_hand} < {state.run.run_id for state in states}
    taken = [deployment.airflow.xcom(dag_id, state.run.run_id, "a")["job_id"] for state in states]
    new = {job.job_id for job in deployment.jobs()} - before
    assert len(set(taken)) == len(taken) == len(states)
    assert set(taken) == new
