# SPDX-License-Identifier: Apache-2.0
"""The cluster that is disturbed: the stack, one Ocean Node more, and points in its tasks.

Airflow notices a dead part within seconds here. Whatever is killed comes back by itself: the stack's
parts by its supervisor, the second Ocean Node by `kill`.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from unittest.mock import patch

import psutil
import pymongo

from airflow_provider_deflow import errors, signing, stack
from airflow_provider_deflow.graphs.store import GraphStore
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.outputs import ContentStore
from airflow_provider_deflow.stack.airflow_api import AirflowApi
from airflow_provider_deflow.stack.local_stack import DEVELOPMENT_KEY
from tests.chaos import second_ocean_node, shapes
from tests.chaos.plugins.chaos_points import FOLDERS
from tests.chaos.second_ocean_node import REQUESTS_PER_MINUTE, SecondOceanNode, free_port

T = TypeVar("T")

PLUGINS = Path(__file__).parent / "plugins"
IN_OCEAN_NODE = Path(__file__).parent / "in_ocean_node"
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
# What was paid is settled after a round, by a run that may be disturbed too.
SETTINGS_WITH_CHAIN = {"AIRFLOW__DEFLOW__UPKEEP_SCHEDULE": ""}
SECOND = "ocean-node-2"
HEALTHY_SECONDS = 180.0


class Airflow(AirflowApi):
    """Airflow's REST API, asked again while nobody answers."""

    def start(self, dag_id: str, run_id: str, conf: dict[str, Any]) -> None:
        body = {"dag_run_id": run_id, "logical_date": None, "conf": conf}
        self._ask("POST", f"/dags/{dag_id}/dagRuns", body=body)

    def end(self, dag_id: str, run_id: str) -> None:
        """What does not end by itself is failed."""
        self._ask("PATCH", f"/dags/{dag_id}/dagRuns/{run_id}", body={"state": "failed"})

    def running(self) -> set[str]:
        """The ids of all tasks that Airflow knows to run; empty while it does not say."""
        try:
            found = self._get("/dags/~/dagRuns/~/taskInstances", {"state": "running", "limit": 100})
        except errors.StackError:
            return set()
        return {str(task["id"]) for task in found["task_instances"]}


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


@dataclass(frozen=True)
class Deployment:
    """What the harness does with the running cluster."""

    up: stack.Running
    airflow: Airflow
    content: ContentStore
    second: SecondOceanNode | None
    folder: Path
    second_url: str
    shapes: tuple[str, ...]

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
        # A supervisor with the task that it runs, and that Airflow knows to run: what a LocalExecutor's
        # worker had only taken out of the queue when it died, is not missed before the scheduler ends.
        known = self.airflow.running()
        pairs = [(each, _children(each)) for each in self.task_processes()]
        pairs = [pair for pair in pairs if any(_task_of(child) in known for child in pair[1])]
        if not pairs:
            return False
        supervisor, children = chance.choice(pairs)
        for process in (supervisor, *children):
            with suppress(psutil.NoSuchProcess):
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


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children())
    except psutil.Error:
        return []


def _task_of(process: psutil.Process) -> str:
    """The id of the task that a process runs, which is the last word of its title; else empty."""
    try:
        # A title takes the place of all arguments: those after the first are empty.
        return "".join(process.cmdline()).rpartition(" ")[2]
    except psutil.Error:
        return ""


@contextmanager
def running(
    home: Path,
    report: Callable[[str], None],
    *,
    as_cluster: bool = False,
    with_chain: bool = False,
    only: Sequence[str] = (),
) -> Iterator[Deployment]:
    """Everything up, and its graphs published: as `deflow up` has it, or as `make cluster` does.

    Those that cost money are there on a stack with a chain, which a cluster's is not. `only` names graphs.
    """
    folder = home / "chaos"
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    environment = SETTINGS | {"DEFLOW_CHAOS": str(folder)} | (SETTINGS_WITH_CHAIN if with_chain else {})
    with (
        (
            _cluster(home, environment, report)
            if as_cluster
            else _stack(home, environment, report, with_chain)
        ) as (up, second, second_url),
        Airflow(up.airflow_url, up.username, up.password) as airflow,
        pymongo.MongoClient[dict[str, Any]](up.mongo_uri) as mongo,
    ):
        content = ContentStore(Path(up.storage.removeprefix("file://")))
        there = tuple(shape for shape in shapes.ALL if up.chain or not shapes.is_paid(shape))
        published = tuple(shape for shape in there if not only or shape in only)
        _publish(GraphStore(mongo["deflow"]), airflow, published)
        yield Deployment(up, airflow, content, second, folder, second_url, published)


@contextmanager
def _stack(
    home: Path, environment: dict[str, str], report: Callable[[str], None], with_chain: bool
) -> Iterator[tuple[stack.Running, SecondOceanNode, str]]:
    with second_ocean_node.running(home) as second:
        extra = {
            "requests_per_minute": REQUESTS_PER_MINUTE,
            "poll_interval_seconds": 1,
            "check_images": False,
        }
        node = {"conn_type": "ocean_node", "host": second.url, "extra": extra}
        more = {f"AIRFLOW_CONN_{shapes.SECOND_OCEAN_NODE.upper()}": json.dumps(node)}
        starting = stack.running(
            home, port=free_port(), environment=environment | more, report=report, with_chain=with_chain
        )
        with _within_ocean_nodes(environment["DEFLOW_CHAOS"]), starting as up:
            yield up, second, second.url


def _within_ocean_nodes(folder: str) -> AbstractContextManager[Any]:
    """The stack's Ocean Node gets the environment of this process, and finds its point there."""
    path = filter(None, (str(IN_OCEAN_NODE), os.environ.get("PYTHONPATH")))
    return patch.dict(os.environ, {"DEFLOW_CHAOS": folder, "PYTHONPATH": os.pathsep.join(path)})


@contextmanager
def _cluster(
    home: Path, environment: dict[str, str], report: Callable[[str], None]
) -> Iterator[tuple[stack.Running, None, str]]:
    from airflow_provider_deflow.stack import cluster

    with cluster.running(
        home,
        ocean_nodes=2,
        requests_per_minute=REQUESTS_PER_MINUTE,
        port=free_port(),
        environment=environment,
        report=report,
    ) as up:
        yield up, None, up.other_ocean_node_urls[0]


def _publish(store: GraphStore, airflow: Airflow, published: Sequence[str]) -> None:
    for shape in published:
        draft = store.save(shapes.document(shape), based_on=None, author="chaos")
        store.publish(f"chaos-{shape}", based_on=draft.version, author="chaos")
    for shape in published:
        airflow.wait_for_dag(shapes.dag_id(shape), timeout_seconds=180)
        airflow.unpause(shapes.dag_id(shape))
