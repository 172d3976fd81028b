# SPDX-License-Identifier: Apache-2.0
"""Whoever ends a task, its job does not go on unwatched: one test a way of ending it (rule 5).

A person's word and a limit stop the job, while it is looked at in the worker and while the task is deferred.
What only moves the task elsewhere leaves the job alone: a shutdown, a handing over, a pool without a slot.
"""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest

from airflow_provider_deflow.stack import airflow_parts
from airflow_provider_deflow.stack.home import Home
from tests.e2e import drawn
from tests.e2e.conftest import Deployment
from tests.e2e.rows import (
    IN_THE_WORKER,
    USUAL,
    Row,
    ended_at_last,
    ocean_nodes,
    run_of,
    wait_for,
)

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(900)]

Rows = dict[str, Row]
UNREACHABLE = {"route": "*", "what": "drop", "times": None}
STOP_LOST = {"route": "PUT *", "what": "drop", "times": None}


# ---- what takes its time is begun first, and looked at last ------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def timed_run(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    with by_hand(deployment, tmp_path_factory.mktemp("timed_run"), "timed_run") as rows:
        yield rows


@pytest.fixture(scope="module", autouse=True)
def timed_tasks(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    with by_hand(deployment, tmp_path_factory.mktemp("timed_tasks"), "timed_tasks") as rows:
        yield rows


@pytest.fixture(scope="module", autouse=True)
def left_alone(
    deployment: Deployment, tmp_path_factory: pytest.TempPathFactory, timed_run: Rows, timed_tasks: Rows
) -> Iterator[Rows]:
    """A worker that shuts down, and a pool whose only slot is taken away."""
    deployment.airflow.add_pool("narrow", 1)
    folder = tmp_path_factory.mktemp("left_alone")
    paces = {"shutdown": IN_THE_WORKER, "preempted": USUAL}
    nodes = {
        "shutdown": {"algorithm": drawn.telling("shutdown", 30)},
        "preempted": {"algorithm": drawn.telling("preempted", 30), "pool": "narrow"},
    }
    with run_of(deployment, folder, "left-alone", paces, **nodes) as rows:
        rows["preempted"].until_running()
        deployment.airflow.resize_pool("narrow", 0)
        rows["shutdown"].until_running()
        shut_down_the_worker(deployment, rows["shutdown"])
        yield rows


@contextmanager
def by_hand(deployment: Deployment, folder: Path, dag_id: str) -> Iterator[Rows]:
    # The worker looks twice before it hands over: not within any limit.
    paces = {f"{dag_id}_in-the-worker": 2 * IN_THE_WORKER, f"{dag_id}_deferred": USUAL}
    with ocean_nodes(deployment, folder, paces) as urls:
        run_id = deployment.run(dag_id)
        rows = {
            name: Row(deployment, urls[f"{dag_id}_{name}"], dag_id, run_id, name)
            for name in ("in-the-worker", "deferred")
        }
        with ended_at_last(rows):
            yield rows


# ---- a person's word ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def deferred(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    names = ("mark-failed", "mark-success", "clear", "unreachable", "handed-over")
    folder = tmp_path_factory.mktemp("deferred")
    with run_of(deployment, folder, "ended-deferred", dict.fromkeys(names, USUAL)) as rows:
        yield rows


@pytest.fixture(scope="module")
def in_the_worker(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    names = ("mark-failed", "mark-success", "clear")
    folder = tmp_path_factory.mktemp("in-the-worker")
    with run_of(deployment, folder, "ended-in-worker", dict.fromkeys(names, IN_THE_WORKER)) as rows:
        yield rows


@pytest.fixture(scope="module")
def failed_run(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    paces = {"in-the-worker": IN_THE_WORKER, "deferred": USUAL, "unreachable": IN_THE_WORKER}
    with run_of(deployment, tmp_path_factory.mktemp("failed-run"), "failed-run", paces) as rows:
        yield rows


@pytest.mark.parametrize("state", ["failed", "success"])
def test_marking_a_deferred_task_stops_its_job(deferred: Rows, state: str) -> None:
    row = deferred[f"mark-{state}"]
    row.until_deferred()

    row.mark(state)

    row.until_its_task_saw_to_it()
    row.until_all_over()
    assert row.outcomes() == ["stopped"]
    assert row.task().state == state


def test_clearing_a_deferred_task_stops_its_job_before_the_next_one(deferred: Rows) -> None:
    row = deferred["clear"]
    row.until_deferred()

    row.clear()

    row.until_running(count=2)
    assert row.outcomes() == ["stopped", None]
    row.assert_never_two_alive()


def test_a_stop_is_asked_for_until_the_ocean_node_can_be_reached_and_the_job_is_over(deferred: Rows) -> None:
    row = deferred["unreachable"]
    row.until_deferred()
    row.faults(STOP_LOST, UNREACHABLE)

    row.mark("failed")

    # One call of the client sends a request up to four times: more are repetitions of the stop itself.
    wait_for(lambda: row.times_met()[0] > 4, row.log)
    row.faults()
    row.until_all_over()
    assert row.outcomes() == ["stopped"]


@pytest.mark.parametrize("state", ["failed", "success"])
def test_marking_a_task_that_runs_in_the_worker_stops_its_job(in_the_worker: Rows, state: str) -> None:
    row = in_the_worker[f"mark-{state}"]
    row.until_running()

    row.mark(state)

    row.until_its_task_saw_to_it()
    row.until_all_over()
    assert row.outcomes() == ["stopped"]
    assert row.task().state == state


def test_clearing_a_task_that_runs_in_the_worker_stops_its_job_before_the_next_one(
    in_the_worker: Rows,
) -> None:
    row = in_the_worker["clear"]
    row.until_running()

    row.clear()

    row.until_running(count=2)
    assert row.outcomes() == ["stopped", None]
    row.assert_never_two_alive()
    row.mark("failed")  # others need its place in the worker


def test_a_job_that_cannot_be_stopped_before_the_worker_is_killed_is_told_by_an_alarm(
    failed_run: Rows,
) -> None:
    """Nothing in a worker outlives the five seconds that Airflow leaves it."""
    row = failed_run["unreachable"]
    job = row.until_running()
    row.faults(UNREACHABLE)

    row.mark("failed")

    wait_for(lambda: "DeFlow alarm: orphan" in row.log(), row.log)
    told = next(line for line in row.log().splitlines() if "DeFlow alarm: orphan" in line)
    assert job.job_id in told
    assert row.url in told
    row.faults()


@pytest.mark.parametrize("where", ["in-the-worker", "deferred"])
def test_failing_a_run_stops_its_jobs(failed_run: Rows, where: str) -> None:
    row = failed_run[where]
    if row.deployment.airflow.dag_run(row.dag_id, row.run_id).state == "running":
        failed_run["in-the-worker"].until_running()
        failed_run["deferred"].until_deferred()
        row.deployment.airflow.set_run_state(row.dag_id, row.run_id, "failed")

    row.until_all_over()
    assert row.outcomes() == ["stopped"]


# ---- limits ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["in-the-worker", "deferred"])
def test_a_task_past_its_execution_timeout_has_its_job_stopped(timed_tasks: Rows, where: str) -> None:
    row = timed_tasks[where]

    row.until("success", "failed")

    row.until_its_task_saw_to_it()
    row.until_all_over()
    assert (row.task().state, row.outcomes()) == ("failed", ["stopped"])


@pytest.mark.parametrize("where", ["in-the-worker", "deferred"])
def test_a_run_past_its_dagrun_timeout_has_its_jobs_stopped(timed_run: Rows, where: str) -> None:
    row = timed_run[where]

    row.until("success", "failed", "skipped")

    row.until_its_task_saw_to_it()
    row.until_all_over()
    assert (row.task().state, row.outcomes()) == ("skipped", ["stopped"])


# ---- what leaves the job alone -----------------------------------------------------------------------


def test_a_triggerer_that_loses_a_task_to_another_leaves_its_job_alone(
    deployment: Deployment, deferred: Rows
) -> None:
    """One that hangs is taken for dead, and finds when it goes on that its triggers are another's."""
    row = deferred["handed-over"]
    row.until_deferred()
    followed_by = row.triggerer()
    first = psutil.Process(deployment.up.pid("triggerer"))
    metadata = Home.at(deployment.up.home).airflow / "airflow.db"
    with suspended(first, metadata), second_triggerer(deployment):
        wait_for(lambda: row.times_taken_up() == 2, row.log)
        resume(first)
        wait_for(lambda: "another triggerer follows it" in row.log(), row.log)
        assert not row.jobs()[0].stop_requested
    # The second one has ended in order, and the first one follows the job again; it begins its log anew.
    wait_for(lambda: row.triggerer() == followed_by, row.log)

    assert row.outcomes() == [None]
    assert not row.jobs()[0].stop_requested
    assert row.task().state == "deferred"


def test_a_worker_that_shuts_down_leaves_the_job_for_the_retry(left_alone: Rows) -> None:
    row = left_alone["shutdown"]

    row.until("success", "failed")

    assert "the worker shuts down: leaving it for the next try" in row.log()
    # On a busy machine Airflow takes a task that just began for one that its executor lost: a try more.
    assert row.task().state == "success"
    assert row.task().try_number >= 2
    assert row.outcomes() == ["succeeded"]


def test_a_pool_that_loses_its_slots_keeps_a_task_waiting_and_never_its_job(
    deployment: Deployment, left_alone: Rows
) -> None:
    """Airflow preempts nothing: slots count when a task is queued, and after a deferral it is queued anew."""
    row = left_alone["preempted"]
    wait_for(lambda: row.jobs()[0].is_over, row.log)
    row.until("scheduled")

    deployment.airflow.resize_pool("narrow", 1)

    row.until("success", "failed")
    assert (row.task().state, row.task().try_number) == ("success", 1)
    assert row.outcomes() == ["succeeded"]


# ---- Airflow's processes -----------------------------------------------------------------------------


def shut_down_the_worker(deployment: Deployment, row: Row) -> None:
    """As Kubernetes and Celery do it: a word first, and the end for all that is still there after a while."""
    scheduler = psutil.Process(deployment.up.pid("scheduler"))
    supervisor = next(
        process
        for process in scheduler.children(recursive=True)
        if "airflow worker" in (name := " ".join(process.cmdline())) and row.task_uuid() in name
    )
    tree = [supervisor, *supervisor.children(recursive=True)]
    supervisor.send_signal(signal.SIGTERM)
    wait_for(lambda: "the worker shuts down" in row.log(), row.log)
    for process in tree:
        process.kill()
    psutil.wait_procs(tree, timeout=10)


@contextmanager
def suspended(process: psutil.Process, database: Path) -> Iterator[None]:
    """Suspended, but not in the midst of writing: nobody else could write to Airflow's SQLite then."""
    try:
        wait_for(lambda: suspended_between_writes(process, database))
        yield
    finally:
        resume(process)


def suspended_between_writes(process: psutil.Process, database: Path) -> bool:
    for each in (process, *process.children(recursive=True)):
        each.suspend()
    if is_free(database):
        return True
    resume(process)
    return False


def is_free(database: Path) -> bool:
    """Whether one may write to it: what others do there takes less than these seconds."""
    with closing(sqlite3.connect(database, timeout=5, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            return False
        connection.execute("ROLLBACK")
    return True


def resume(process: psutil.Process) -> None:
    for each in (process, *process.children(recursive=True)):
        each.resume()


@contextmanager
def second_triggerer(deployment: Deployment) -> Iterator[None]:
    """Ended in order."""
    environment = airflow_parts.environment(Home.at(deployment.up.home), deployment.up.environment)
    command = (sys.executable, "-m", "airflow", "triggerer", "--skip-serve-logs")
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) as triggerer:
        try:
            yield
        finally:
            triggerer.terminate()
            triggerer.wait(60)
