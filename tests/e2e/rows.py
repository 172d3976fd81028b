# SPDX-License-Identifier: Apache-2.0
"""Rows of a table as tasks of one run, each on an Ocean Node of its own.

So many rows run at once and cost one start of everything; what one Ocean Node has seen, and what goes wrong
there, is one row's alone.
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.signing import KeySigner
from airflow_provider_deflow.stack.airflow_api import TaskInstance
from airflow_provider_deflow.stack.local_stack import DEVELOPMENT_KEY
from tests.e2e import drawn
from tests.e2e.conftest import Deployment
from tests.local_ocean_node.running import fast, running_ocean_node

PATIENCE_SECONDS = 180.0
# A worker that looks at its job so seldom keeps the task; the usual pace hands it to the triggerer.
IN_THE_WORKER = 90.0
USUAL = 1.0
LONG = 600.0


@dataclass(frozen=True)
class Row:
    """One task of one run, and its Ocean Node."""

    deployment: Deployment
    url: str
    dag_id: str
    run_id: str
    task_id: str

    @property
    def node(self) -> OceanNode:
        return OceanNode(self.url, KeySigner(DEVELOPMENT_KEY), requests_per_minute=100_000)

    def jobs(self) -> list[ComputeJob]:
        """All that its Ocean Node has ever run, from the first to the last."""
        return sorted(self.node.jobs([self.deployment.address]), key=lambda job: str(job.created))

    def outcomes(self) -> list[str | None]:
        return [job.outcome for job in self.jobs()]

    def task(self) -> TaskInstance:
        tasks = self.deployment.airflow.task_instances(self.dag_id, self.run_id)
        return next(task for task in tasks if task.task_id == self.task_id)

    def task_uuid(self) -> str:
        """What the worker's process for this try is called by."""
        return self.deployment.airflow.task_uuid(self.dag_id, self.run_id, self.task_id)

    def mark(self, state: str) -> None:
        self.deployment.airflow.set_task_state(self.dag_id, self.run_id, self.task_id, state)

    def clear(self) -> None:
        self.deployment.airflow.clear(self.dag_id, self.run_id, self.task_id)

    def log(self) -> str:
        """What all tries of the task have said, and their triggers: read where Airflow's parts write it."""
        folder = self.deployment.up.home / "logs" / "tasks" / f"dag_id={self.dag_id}"
        files = folder.glob(f"run_id={self.run_id}/task_id={self.task_id}/*.log")
        return "".join(file.read_text() for file in sorted(files))

    def until_its_task_saw_to_it(self) -> None:
        """The task, or its trigger, has stopped the job: upkeep, which would in the end, writes elsewhere."""
        wait_for(lambda: bool(re.search(r"Job \S+: (is over|asked to stop)", self.log())), self.log)

    def faults(self, *rules: Mapping[str, Any]) -> None:
        """What goes wrong at its Ocean Node from now on; without any, nothing does."""
        set_faults(self.url, *rules)

    def times_met(self) -> list[int]:
        return [rule["met"] for rule in requests.get(f"{self.url}/_deflow/faults").json()]

    def until_running(self, count: int = 1) -> ComputeJob:
        """Its newest job, the `count`th, once its algorithm runs."""
        wait_for(lambda: len(self.jobs()) >= count and self.jobs()[-1].algo_started is not None)
        return self.jobs()[-1]

    def until_deferred(self) -> None:
        """Until a triggerer has seen the job; that Airflow shows the task as deferred comes before."""
        self.until_running()
        wait_for(lambda: self.times_taken_up() > 0)

    def triggerer(self) -> int | None:
        """The one that follows the job, once Airflow has given it to one."""
        return self.deployment.airflow.triggerer_of(self.dag_id, self.run_id, self.task_id)

    def times_taken_up(self) -> int:
        """How often a triggerer has begun to follow the running job."""
        folder = self.deployment.up.home / "logs" / "tasks" / f"dag_id={self.dag_id}"
        files = folder.glob(f"run_id={self.run_id}/task_id={self.task_id}/*.trigger.*.log")
        return sum(file.read_text().count("Running algorithm") for file in files)

    def until(self, *states: str) -> None:
        wait_for(lambda: self.task().state in states, lambda: self.log())

    def until_all_over(self) -> None:
        wait_for(lambda: all(job.is_over for job in self.jobs()), lambda: self.log())

    def assert_never_two_alive(self) -> None:
        for earlier, later in itertools.pairwise(self.jobs()):
            assert earlier.finished is not None
            assert later.created is not None
            assert earlier.finished <= later.created


@contextmanager
def ocean_nodes(deployment: Deployment, folder: Path, paces: Mapping[str, float]) -> Iterator[dict[str, str]]:
    """An Ocean Node per connection id, looked at once in so many seconds; their URLs."""
    with ExitStack() as running:
        urls = {}
        for conn_id, seconds in paces.items():
            settings = fast(folder / conn_id, tick_seconds=0.2, test_routes=True)
            urls[conn_id] = running.enter_context(running_ocean_node(settings))
            deployment.connect(conn_id, urls[conn_id], poll_interval_seconds=seconds)
        yield urls


@contextmanager
def run_of(
    deployment: Deployment,
    folder: Path,
    slug: str,
    paces: Mapping[str, float],
    prepare: Callable[[Mapping[str, str]], None] = lambda _: None,
    **nodes: Mapping[str, Any],
) -> Iterator[dict[str, Row]]:
    """A run of a graph without edges: a node per row, looked at at its pace, with `nodes` of it changed.

    `prepare` is given the Ocean Nodes' URLs by row before the run begins.
    """
    connections = {f"{slug}_{name}": pace for name, pace in paces.items()}
    with ocean_nodes(deployment, folder, connections) as urls:
        prepare({name: urls[f"{slug}_{name}"] for name in paces})
        dag_id = deployment.publish(
            {"slug": slug, "nodes": [node_of(slug, name, **nodes.get(name, {})) for name in paces]}
        )
        run_id = deployment.run(dag_id)
        rows = {name: Row(deployment, urls[f"{slug}_{name}"], dag_id, run_id, name) for name in paces}
        with ended_at_last(rows):
            yield rows


def node_of(slug: str, name: str, **changes: Any) -> dict[str, Any]:
    """A node of a document, on the Ocean Node that is its row's."""
    data = {"algorithm": drawn.telling(name, LONG), "ocean_node": f"{slug}_{name}", **changes}
    return {"id": name, "data": data}


@contextmanager
def ended_at_last(rows: Mapping[str, Row]) -> Iterator[None]:
    """No row's run outlives its Ocean Node."""
    try:
        yield
    finally:
        for row in rows.values():
            row.faults()
        for dag_id, run_id in {(row.dag_id, row.run_id) for row in rows.values()}:
            row.deployment.airflow.set_run_state(dag_id, run_id, "failed")
        for row in rows.values():
            for job in row.jobs():
                if not job.is_over:
                    row.node.stop(job.job_id)
            row.until_all_over()


def set_faults(url: str, *rules: Mapping[str, Any]) -> None:
    requests.put(f"{url}/_deflow/faults", json=rules).raise_for_status()


def wait_for(
    happened: Callable[[], bool], told: Callable[[], str] = str, seconds: float = PATIENCE_SECONDS
) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"not within {seconds} s\n{told()}"
        time.sleep(0.2)
