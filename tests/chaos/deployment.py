# SPDX-License-Identifier: Apache-2.0
"""The cluster that is disturbed: the stack, one Ocean Node more, and points in its tasks.

Airflow notices a dead part within seconds here. Whatever is killed comes back by itself: the stack's
parts by its supervisor, the second Ocean Node by `kill`.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import psutil
import pymongo

from airflow_provider_deflow import errors, signing, stack
from airflow_provider_deflow.graphs.store import GraphStore
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.outputs import ContentStore
from airflow_provider_deflow.stack import ports
from airflow_provider_deflow.stack.airflow_api import AirflowApi
from airflow_provider_deflow.stack.guard import _stop_with_parent
from airflow_provider_deflow.stack.local_stack import DEVELOPMENT_KEY
from tests.chaos import shapes
from tests.chaos.plugins.chaos_points import FOLDERS

T = TypeVar("T")

PLUGINS = Path(__file__).parent / "plugins"
SIGNER = signing.KeySigner(DEVELOPMENT_KEY)
SETTINGS = {
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(PLUGINS),
    "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEARTBEAT_SEC": "2",
    "AIRFLOW__SCHEDULER__SCHEDULER_HEALTH_CHECK_THRESHOLD": "12",
    # What a dead scheduler had put into its queue is lost until the next one looks for it.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "2",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "6",
}
SECOND = "ocean-node-2"
HEALTHY_SECONDS = 180.0
_RUN_OCEAN_NODE = "from airflow_provider_deflow.cli.ocean_node import ocean_node; ocean_node()"


class Airflow(AirflowApi):
    """Airflow's REST API, asked again while nobody answers."""

    def start(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self._ask("POST", f"/dags/{dag_id}/dagRuns", body=body)


def patiently(ask: Callable[[], T], seconds: float = HEALTHY_SECONDS) -> T:
    """What `ask` gives, once the API server is there."""
    until = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except errors.StackError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


@dataclass
class SecondOceanNode:
    """A process of its own, restarted on the same port and folder."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        options = ("--port", str(self.port), "--folder", str(self.folder / "ocean-node-2"))
        pace = ("--requests-per-minute", "6000", "--tick-seconds", "0.1")
        with (self.folder / "logs" / "ocean-node-2.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _RUN_OCEAN_NODE, *options, *pace],
                stdout=log,
                stderr=log,
                preexec_fn=_stop_with_parent,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )

    def end(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait()


@dataclass(frozen=True)
class Deployment:
    """What the harness does with the running cluster."""

    up: stack.Running
    airflow: Airflow
    content: ContentStore
    second: SecondOceanNode | None
    folder: Path
    second_url: str

    def ocean_nodes(self) -> list[OceanNode]:
        return [
            OceanNode(url, SIGNER, state_folder=self.folder / "state", requests_per_minute=100_000)
            for url in (self.up.ocean_node_url, self.second_url)
        ]

    def kill(self, victim: str, chance: random.Random) -> bool:
        """SIGKILL; False when there is no such process now."""
        if victim == SECOND and self.second is not None:
            self.second.end()
            self.second.start()
            return True
        # A cluster has several of some parts.
        several = [name for name in self.up.processes if name.startswith(f"{victim}-") and name != SECOND]
        if victim == "worker" and not several:
            return self._kill_a_task(chance)
        try:
            self.up.kill(chance.choice(several) if several else victim)
        except errors.StackError:
            return False  # on its way back from an earlier kill
        return True

    def _kill_a_task(self, chance: random.Random) -> bool:
        tasks = self.task_processes()
        # A supervisor with the task that it runs.
        pairs = [(each, each.children()) for each in tasks if any(c in tasks for c in each.children())]
        if not pairs:
            return False
        supervisor, children = chance.choice(pairs)
        for process in (supervisor, *children):
            process.kill()
        return True

    def task_processes(self) -> list[psutil.Process]:
        """What runs tasks right now: supervisors and tasks."""
        try:
            scheduler = psutil.Process(self.up.pid("scheduler"))
        except (psutil.Error, errors.StackError):
            return []
        found = []
        for process in scheduler.children(recursive=True):
            try:
                line = " ".join(process.cmdline())
            except psutil.Error:
                continue
            if "airflow worker" in line and "<idle>" not in line:
                found.append(process)
        return found

    def sandboxes(self) -> list[psutil.Process]:
        """What the two Ocean Nodes run right now."""
        pids = (self.up.pid("ocean-node"), self.second.process.pid if self.second else self.up.pid(SECOND))
        return [child for pid in pids for child in psutil.Process(pid).children(recursive=True)]

    def wait_until_healthy(self) -> None:
        self.up.wait_until_healthy()
        until = time.monotonic() + HEALTHY_SECONDS
        while True:
            try:
                self.ocean_nodes()[1].version()
                return
            except errors.OceanNodeError:
                if time.monotonic() > until:
                    raise

    def empty_buckets(self) -> None:
        """So that the next runs upload again, as they would on nodes that have never seen them."""
        for ocean_node in self.ocean_nodes():
            for bucket in ocean_node.buckets(SIGNER.address):
                for file in ocean_node.bucket_files(bucket.bucket_id):
                    ocean_node.delete_bucket_file(bucket.bucket_id, file.name)


@contextmanager
def running(home: Path, report: Callable[[str], None]) -> Iterator[Deployment]:
    """Everything up, and every graph published."""
    folder = home / "chaos"
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    second = SecondOceanNode(home, next(filter(ports.is_free, random.sample(range(20_000, 32_000), 100))))
    (home / "logs").mkdir(exist_ok=True)
    second.start()
    extra = {"requests_per_minute": 6000, "poll_interval_seconds": 1}
    node = {"conn_type": "ocean_node", "host": second.url, "extra": extra}
    environment = SETTINGS | {
        "DEFLOW_CHAOS": str(folder),
        f"AIRFLOW_CONN_{shapes.SECOND_OCEAN_NODE.upper()}": json.dumps(node),
    }
    port = next(filter(ports.is_free, random.sample(range(20_000, 32_000), 100)))
    try:
        with (
            stack.running(home, port=port, environment=environment, report=report) as up,
            Airflow(up.airflow_url, up.username, up.password) as airflow,
            pymongo.MongoClient[dict[str, Any]](up.mongo_uri) as mongo,
        ):
            content = ContentStore(Path(up.storage.removeprefix("file://")))
            _publish(GraphStore(mongo["deflow"]), airflow)
            yield Deployment(up, airflow, content, second, folder, second.url)
    finally:
        second.end()


def _publish(store: GraphStore, airflow: Airflow) -> None:
    for shape in shapes.SHAPES:
        draft = store.save(shapes.document(shape), based_on=None, author="chaos")
        store.publish(f"chaos-{shape}", based_on=draft.version, author="chaos")
    for shape in shapes.SHAPES:
        airflow.wait_for_dag(shapes.dag_id(shape), timeout_seconds=180)
        airflow.unpause(shapes.dag_id(shape))
