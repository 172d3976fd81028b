# SPDX-License-Identifier: Apache-2.0
"""Processes killed without warning: whoever comes next follows the same job; the Ocean Node has one."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

import psutil
import pytest

from tests.e2e import drawn
from tests.e2e.conftest import Deployment
from tests.e2e.rows import Row, run_of

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.chaos, pytest.mark.timeout(900)]


@pytest.fixture(scope="module", autouse=True)
def killed_while_it_polls(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Row]:
    """Begun first and looked at last: only after a while does Airflow miss what died without a word.

    Supervisor and task process get kill -9 while the worker still looks at the job itself; its looks are so
    far apart that the task is surely between two of them.
    """
    node = {"algorithm": drawn.telling("a", 15.0)}
    with run_of(deployment, tmp_path_factory.mktemp("killed"), "killed-inline", {"a": 20.0}, a=node) as rows:
        wait_for(lambda: len(rows["a"].jobs()) == 1)
        assert kill_task_processes(deployment) >= 2, "a supervisor and a task process"
        yield rows["a"]


def test_a_triggerer_killed_while_a_task_is_deferred_is_replaced(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("killed-deferred", "a", (), {"a": 15.0}))
    before = {job.job_id for job in deployment.jobs()}
    run_id = deployment.run(dag_id)
    wait_for(lambda: "deferred" in [task.state for task in deployment.airflow.task_instances(dag_id, run_id)])

    deployment.up.kill("triggerer", signal.SIGKILL)

    state = deployment.end_of(dag_id, run_id)
    assert state.run.state == "success", deployment.why(state)
    new = [job for job in deployment.jobs() if job.job_id not in before]
    assert [job.outcome for job in new] == ["succeeded"]
    assert deployment.result(dag_id, run_id)["a/a.txt"] == b"a()"


def test_marking_a_deferred_task_failed_stops_its_job(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("marked-failed", "a", (), {"a": 120.0}))
    before = {job.job_id for job in deployment.jobs()}
    run_id = deployment.run(dag_id)
    wait_for(lambda: "Running algorithm" in trigger_log(deployment, dag_id))

    deployment.airflow.set_task_state(dag_id, run_id, "a", "failed")

    wait_for(lambda: all(job.is_over for job in deployment.jobs()), seconds=180)
    new = [job for job in deployment.jobs() if job.job_id not in before]
    assert [job.outcome for job in new] == ["stopped"]


def test_clearing_a_deferred_task_ends_its_job_before_the_next_one(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("cleared", "a", (), {"a": 12.0}))
    before = {job.job_id for job in deployment.jobs()}
    run_id = deployment.run(dag_id)
    wait_for(lambda: "Running algorithm" in trigger_log(deployment, dag_id))

    deployment.airflow.clear(dag_id, run_id, "a")

    state = deployment.end_of(dag_id, run_id)
    assert state.run.state == "success", deployment.why(state)
    new = sorted(
        (job for job in deployment.jobs() if job.job_id not in before), key=lambda job: str(job.created)
    )
    assert [job.outcome for job in new] == ["stopped", "succeeded"]
    assert new[0].finished is not None
    assert new[1].created is not None
    assert new[0].finished <= new[1].created


def test_a_task_killed_while_it_polls_is_retried_on_the_same_job(
    deployment: Deployment, killed_while_it_polls: Row
) -> None:
    row = killed_while_it_polls

    state = deployment.end_of(row.dag_id, row.run_id)

    assert state.run.state == "success", deployment.why(state)
    assert row.task().try_number == 2
    assert row.outcomes() == ["succeeded"]
    assert deployment.result(row.dag_id, row.run_id)["a/a.txt"] == b"a()"


def wait_for(happened: Callable[[], bool], seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.2)


def trigger_log(deployment: Deployment, dag_id: str) -> str:
    """What triggers of this Dag's runs have said: empty until the triggerer has taken one up."""
    logs = (deployment.up.home / "logs" / "tasks").glob(f"dag_id={dag_id}/**/*.trigger.*.log")
    return "".join(log.read_text() for log in logs)


def kill_task_processes(deployment: Deployment) -> int:
    """Kill -9 whatever the scheduler's executor runs for tasks right now: supervisors before their tasks."""
    scheduler = psutil.Process(deployment.up.pid("scheduler"))
    named = {}
    for process in scheduler.children(recursive=True):
        with suppress(psutil.NoSuchProcess):  # one that has ended meanwhile, a zombie among them
            named[process] = " ".join(process.cmdline())
    tasks = [process for process, name in named.items() if "airflow worker" in name and "<idle>" not in name]
    for process in tasks:
        os.kill(process.pid, signal.SIGKILL)
    psutil.wait_procs(tasks, timeout=10)
    return len(tasks)
