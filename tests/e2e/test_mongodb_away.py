# SPDX-License-Identifier: Apache-2.0
"""MongoDB away under a real Airflow: Dags stay, runs finish, and what happened is recorded after."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pymongo
import pytest
from pymongo.errors import PyMongoError

from airflow_provider_deflow.stack import mongod as part
from tests.e2e import drawn
from tests.e2e.conftest import Deployment
from tests.e2e.test_recovery import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(900)]

SECRET = "hunter2-of-ann"


def test_a_run_finishes_while_mongodb_hangs_from_its_middle_to_its_end(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("mongodb-hangs", "ab", ["ab"], {"a": 8.0}))
    run_id = deployment.run(dag_id)
    wait_for(lambda: state_of(deployment, dag_id, run_id, "a") == "deferred")
    said = Said(deployment)

    mongod = deployment.up.pid("mongod")
    os.kill(mongod, signal.SIGSTOP)
    try:
        finishes(deployment, dag_id, run_id)
        wait_for(lambda: "Graphs stay as in the last good copy" in said.since())
        assert not deployment.airflow.dag_is_stale(dag_id)
    finally:
        os.kill(mongod, signal.SIGCONT)

    wait_for(lambda: "Graphs are read from MongoDB again" in said.since())
    is_told_whole(deployment, run_id)


def test_a_run_whose_mongodb_is_killed_while_a_task_is_deferred_finishes_without(
    deployment: Deployment,
) -> None:
    dag_id = deployment.publish(drawn.graph("mongodb-killed", "a", (), {"a": 8.0}))
    run_id = deployment.run(dag_id)
    wait_for(lambda: state_of(deployment, dag_id, run_id, "a") == "deferred")

    deployment.up.kill("mongod")
    wait_for(lambda: deployment.up.processes["mongod"] != 0)
    with deployment.up.without("mongod"):
        finishes(deployment, dag_id, run_id)

    is_told_whole(deployment, run_id)


def test_a_run_finishes_while_mongodb_steps_down_again_and_again(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("mongodb-steps-down", "ab", ["ab"], {"a": 4.0}))
    with stepping_down(deployment) as times:
        run_id = deployment.run(dag_id)
        finishes(deployment, dag_id, run_id)

    assert len(times) >= 2
    is_told_whole(deployment, run_id)


def test_a_dag_processor_that_starts_without_mongodb_has_the_last_good_copy(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("mongodb-away-at-start", "a"))
    deployment.airflow.wait_for_dag(dag_id, timeout_seconds=180)
    said = Said(deployment)
    with deployment.up.without("mongod"):
        began = datetime.now(UTC).isoformat()
        deployment.up.restart("dag-processor")
        wait_for(lambda: "Graphs stay as in the last good copy" in said.since())
        wait_for(lambda: deployment.airflow.parsed_at(dag_id) > began)
        assert not deployment.airflow.dag_is_stale(dag_id)
        run_id = deployment.run(dag_id)
        finishes(deployment, dag_id, run_id)

    is_told_whole(deployment, run_id)


def test_without_a_copy_dags_stay_and_a_task_is_put_off_until_mongodb_is_back(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("mongodb-away-no-copy", "a"))
    deployment.airflow.wait_for_dag(dag_id, timeout_seconds=180)
    said = Said(deployment)
    with deployment.up.without("mongod"):
        with deployment.up.without("dag-processor"):
            shutil.rmtree(deployment.up.airflow_home / "bundles" / "deflow")
        process = deployment.up.pid("dag-processor")
        wait_for(lambda: said.since().count("no copy of them is on this host: MongoDB at") >= 2)
        run_id = deployment.run(dag_id)
        wait_for(lambda: state_of(deployment, dag_id, run_id, "a") == "up_for_reschedule")
        assert not deployment.airflow.dag_is_stale(dag_id)
        assert deployment.up.pid("dag-processor") == process

    finishes(deployment, dag_id, run_id)
    is_told_whole(deployment, run_id)


def test_a_wrong_password_costs_no_dag_and_no_run_and_is_told_without_it(deployment: Deployment) -> None:
    dag_id = deployment.publish(drawn.graph("mongodb-refuses", "a"))
    deployment.airflow.wait_for_dag(dag_id, timeout_seconds=180)
    said = Said(deployment)
    with wrong_password(deployment):
        run_id = deployment.run(dag_id)
        finishes(deployment, dag_id, run_id)
        wait_for(lambda: "(connection 'deflow_mongo') refused: AuthenticationFailed" in said.since())
        assert not deployment.airflow.dag_is_stale(dag_id)

    told = "".join(log.read_text(errors="replace") for log in (deployment.up.home / "logs").rglob("*.log"))
    assert "the ledger cannot be written now" in told
    assert SECRET not in told
    is_told_whole(deployment, run_id)


class Said:
    """What the Dag processor says from now on."""

    def __init__(self, deployment: Deployment) -> None:
        self._log = deployment.up.home / "logs" / "dag-processor.log"
        self._before = self._log.stat().st_size

    def since(self) -> str:
        with self._log.open(errors="replace") as log:
            log.seek(self._before)
            return log.read()


def state_of(deployment: Deployment, dag_id: str, run_id: str, task_id: str) -> str | None:
    tasks = deployment.airflow.task_instances(dag_id, run_id)
    return next((task.state for task in tasks if task.task_id == task_id), None)


def finishes(deployment: Deployment, dag_id: str, run_id: str) -> None:
    """Green, and no task needed another try."""
    state = deployment.end_of(dag_id, run_id)
    assert state.run.state == "success", deployment.why(state)
    assert {task.try_number for task in state.tasks} == {1}


def is_told_whole(deployment: Deployment, run_id: str) -> None:
    """By `deflow runs show`, which brings what the tasks had to put by."""
    run: dict[str, Any] = {}

    def succeeded() -> bool:
        run.update(shown(deployment, run_id))
        return bool(run["state"] == "succeeded")

    wait_for(succeeded, seconds=60)
    for node in run["nodes"]:
        assert [each["state"] for each in node["tries"]] == ["succeeded"]
        (job,) = node["jobs"]
        assert (job["outcome"], job["generation"]) == ("succeeded", 0)
        assert node["outputs"]["count"] >= 1
    assert all(edge["state"] == "succeeded" and edge["count"] == 1 for edge in run["edges"])
    assert run["results"]["archive"]


def shown(deployment: Deployment, run_id: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "airflow_provider_deflow.cli", "runs", "--home", str(deployment.up.home)]
    done = subprocess.run([*command, "show", run_id, "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@contextmanager
def stepping_down(deployment: Deployment) -> Iterator[list[int]]:
    """A primary that gives up being one for a second, as soon as it is one again and has been a second."""
    ended, times = threading.Event(), list[int]()

    def step_down() -> None:
        with pymongo.MongoClient[dict[str, Any]](deployment.up.mongo_uri) as client:
            while not ended.wait(1):
                try:
                    client.admin.command("replSetStepDown", 1, secondaryCatchUpPeriodSecs=0, force=True)
                    times.append(1)
                except PyMongoError:
                    continue  # it is none yet

    thread = threading.Thread(target=step_down)
    thread.start()
    try:
        yield times
    finally:
        ended.set()
        thread.join()
        wait_for(lambda: part.is_primary(int(deployment.up.mongo_uri.split(":")[2].split("/")[0])))


@contextmanager
def wrong_password(deployment: Deployment) -> Iterator[None]:
    """Airflow's connection changed for what parses and for what runs tasks."""
    wrong = deployment.up.mongo_uri.replace("mongodb://", f"mongodb://ann:{SECRET}@")
    with_right = {
        name: deployment.up.home / "run" / f"{name}.json" for name in ("dag-processor", "scheduler")
    }
    before = {name: file.read_text() for name, file in with_right.items()}
    try:
        for name, file in with_right.items():
            start = json.loads(before[name])
            start["environment"]["AIRFLOW_CONN_DEFLOW_MONGO"] = part.airflow_connection(wrong)
            file.write_text(json.dumps(start))
            deployment.up.restart(name)
        yield
    finally:
        for name, file in with_right.items():
            file.write_text(before[name])
            deployment.up.restart(name)
