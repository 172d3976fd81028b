# SPDX-License-Identifier: Apache-2.0
"""One stack for all tests of this folder: MongoDB, a local Ocean Node, Airflow, as `deflow up` starts them.

A few of its settings are changed so that Airflow notices a dead task within seconds, not minutes.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tarfile
import time
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pymongo
import pytest

from airflow_provider_deflow import errors, signing, stack
from airflow_provider_deflow.graphs.store import GraphStore
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.ocean.outputs import ContentStore
from airflow_provider_deflow.stack import marks
from airflow_provider_deflow.stack.airflow_api import AirflowApi, RunState
from airflow_provider_deflow.stack.local_stack import DEVELOPMENT_KEY

ROOT = Path(__file__).parents[2]
SETTINGS = {
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "45",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "2",
    # What changes is parsed at once. All graphs of all tests anew every 30 s take a core for nothing.
    "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "3600",
}


class Airflow(AirflowApi):
    """Airflow's REST API with the few calls more that only tests make."""

    def raw(self, path: str) -> bytes:
        """What a path below Airflow's address answers, as it comes."""
        response = self._send_logged_in("GET", quote(path, safe="/"), None, None)
        assert response.ok, f"{path}: {response.status_code} {response.text}"
        return response.content

    def dag_is_stale(self, dag_id: str) -> bool:
        dag = self._get(f"/dags/{dag_id}", none_if_missing=True)
        return dag is None or bool(dag["is_stale"])

    def parsed_at(self, dag_id: str) -> str:
        return str(self._get(f"/dags/{dag_id}")["last_parsed_time"])

    def dag_versions(self, dag_id: str) -> int:
        return int(self._get(f"/dags/{dag_id}/dagVersions")["total_entries"])

    def links(self, dag_id: str, run_id: str, task_id: str) -> dict[str, str]:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/links"
        return dict(self._get(path)["extra_links"])

    def task_uuid(self, dag_id: str, run_id: str, task_id: str) -> str:
        return str(self._get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")["id"])

    def set_task_state(self, dag_id: str, run_id: str, task_id: str, state: str) -> None:
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}"
        self._ask("PATCH", path, body={"new_state": state})

    def clear(self, dag_id: str, run_id: str, *task_ids: str) -> None:
        body = {"dry_run": False, "dag_run_id": run_id, "task_ids": task_ids, "only_failed": False}
        self._ask("POST", f"/dags/{dag_id}/clearTaskInstances", body=body)

    def set_run_state(self, dag_id: str, run_id: str, state: str) -> None:
        self._ask("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", body={"state": state})

    def backfill(self, dag_id: str, first: str, last: str) -> None:
        body = {"dag_id": dag_id, "from_date": first, "to_date": last}
        self._ask("POST", "/backfills", body=body)

    def runs(self, dag_id: str) -> list[str]:
        return [run["dag_run_id"] for run in self._get(f"/dags/{dag_id}/dagRuns")["dag_runs"]]

    def resize_pool(self, name: str, slots: int) -> None:
        body = {"pool": name, "slots": slots, "description": "", "include_deferred": False}
        self._ask("PATCH", f"/pools/{name}", body=body)

    def add_connection(self, body: dict[str, Any]) -> None:
        self._ask("POST", "/connections", body=body)

    def scheduled_runs(self, dag_id: str) -> list[str]:
        runs = self._get(f"/dags/{dag_id}/dagRuns", {"run_type": "scheduled"})["dag_runs"]
        return [run["dag_run_id"] for run in runs]

    def triggerer_of(self, dag_id: str, run_id: str, task_id: str) -> int | None:
        """The triggerer's job that a deferred task waits in."""
        task = self._get(f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}")
        return task["trigger"] and task["trigger"]["triggerer_id"]

    def wait_for_a_run(self, dag_id: str, but: Collection[str] = (), timeout_seconds: float = 120) -> str:
        """One that nobody here has triggered."""
        deadline = time.monotonic() + timeout_seconds
        while not (found := [run for run in self.runs(dag_id) if run not in but]):
            assert time.monotonic() < deadline, f"{dag_id} was not run"
            time.sleep(0.5)
        return found[0]

    def add_pool(self, name: str, slots: int) -> None:
        self._ask("POST", "/pools", body={"name": name, "slots": slots})

    def pause(self, dag_id: str) -> None:
        self._ask("PATCH", f"/dags/{dag_id}", body={"is_paused": True})


@dataclass(frozen=True)
class Deployment:
    """The running stack, and the few things that tests do with it."""

    up: stack.Running
    airflow: Airflow
    store: GraphStore
    content: ContentStore
    address: str

    @property
    def ocean_node(self) -> OceanNode:
        return OceanNode(self.up.ocean_node_url, requests_per_minute=600)

    def publish(self, document: dict[str, Any], *, force: bool = False) -> str:
        """Save and publish; the Dag's id, once Airflow has it."""
        draft = self.store.save(
            document, based_on=_draft_version(self.store, document["slug"]), author="tests"
        )
        self.store.publish(document["slug"], based_on=draft.version, author="tests", force=force)
        return f"deflow_{document['slug']}"

    def connect(self, conn_id: str, url: str = "", **extra: Any) -> None:
        """Another connection to the same Ocean Node, or to the one at `url`."""
        body = {
            "connection_id": conn_id,
            "conn_type": "ocean_node",
            "host": url or self.up.ocean_node_url,
            "extra": json.dumps({"requests_per_minute": 600, "check_images": False, **extra}),
        }
        self.airflow.add_connection(body)

    def run(self, dag_id: str, conf: dict[str, Any] | None = None) -> str:
        self.airflow.wait_for_dag(dag_id, timeout_seconds=180)
        self.airflow.unpause(dag_id)
        return self.airflow.trigger(dag_id, conf)

    def end_of(self, dag_id: str, run_id: str) -> RunState:
        *_, last = self.airflow.follow(dag_id, run_id)
        return last

    def result(self, dag_id: str, run_id: str) -> dict[str, bytes]:
        """The files of the run's result archive."""
        returned = self.airflow.xcom(dag_id, run_id, "results")
        with self.content.open(returned["archive"]) as archive, tarfile.open(fileobj=archive) as tar:
            return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]

    def jobs(self) -> list[ComputeJob]:
        """All jobs that the Ocean Node has seen: counted there, not by us."""
        return self.ocean_node.jobs([self.address])

    def why(self, state: RunState) -> str:
        """What the failed tasks of a run say."""
        failed = [task for task in state.tasks if task.state == "failed"]
        run = state.run
        return "\n".join(
            f"{task.task_id}: " + "\n".join(self.airflow.task_log_tail(run.dag_id, run.run_id, task, 40))
            for task in failed
        )


def _draft_version(store: GraphStore, slug: str) -> int | None:
    try:
        return store.draft(slug).version
    except errors.GraphNotFound:
        return None


def free_port() -> int:
    """Not the usual one, where a developer's own stack may be."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def deployed(starting: AbstractContextManager[stack.Running]) -> Iterator[Deployment]:
    """What starts, started; at its end it is killed."""
    with starting as up:
        try:
            with (
                Airflow(up.airflow_url, up.username, up.password) as airflow,
                # Closed before: it says goodbye to its server, and looks for it for half a minute.
                pymongo.MongoClient(up.mongo_uri) as mongo,
            ):
                yield Deployment(
                    up=up,
                    airflow=airflow,
                    store=GraphStore(mongo["deflow"]),
                    content=ContentStore(Path(up.storage.removeprefix("file://"))),
                    address=signing.KeySigner(DEVELOPMENT_KEY).address,
                )
        finally:
            # In order is how it ends in tests/stack; nobody needs what is here any more.
            marks.end(up.home)


# Of this folder, not of all tests: a stack that is up takes its share of a small machine, used or not.
@pytest.fixture(scope="package")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    home = Path(os.environ.get("DEFLOW_TEST_HOME") or tmp_path_factory.mktemp("e2e"))
    dags = tmp_path_factory.mktemp("dags")
    for file in (*(ROOT / "dags").rglob("*.py"), *(Path(__file__).parent / "dags").glob("*.py")):
        shutil.copy(file, dags)
    starting = stack.running(
        home, port=free_port(), dags=dags, environment=SETTINGS, report=print, with_chain=True
    )
    with deployed(starting) as one:
        yield one
