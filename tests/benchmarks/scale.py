# SPDX-License-Identifier: Apache-2.0
"""Load on the cluster: many runs at a time, both workers and triggerers, Ocean Nodes with a real limit.

    python -m tests.benchmarks.scale --runs 50 --nodes 10 --ocean-nodes 10 --out scale.json

A graph per Ocean Node, its runs all at once. A job does nothing for half a minute, so that its task is handed
to a triggerer and back; what is measured is everything around it. An Ocean Node takes 30 requests a minute,
and a job costs about six: one Ocean Node would need hours for 500, so there are several. They count the
requests, in their own logs; memory is what the processes of a part have for themselves and their share of
the rest (PSS), at its highest.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import statistics
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pymongo

from airflow_provider_deflow.graphs.store import GraphStore
from airflow_provider_deflow.stack import cluster, marks
from airflow_provider_deflow.stack.airflow_api import OVER, AirflowApi, TaskInstance
from airflow_provider_deflow.stack.handles import Running

LIMIT = 30
CODE = "import time; time.sleep({}); open('/data/outputs/out.txt', 'w').write('x')"
SETTINGS = {
    # Less than half of what waits fits into one triggerer.
    "AIRFLOW__TRIGGERER__CAPACITY": "100",
    "AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG": "64",
    # A task that looks at its job holds its place for 10 s and more, and waits for nearly all of them: with
    # two places per worker, 57 tasks had begun after 400 s.
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "16",
}
_LINE = re.compile(r"(\d+\.\d+) (taken|\d{3}) (\S+) (\S+)$")


def document(number: int, nodes: int, job_seconds: float) -> dict[str, Any]:
    """Nodes side by side, every other one in the queue `heavy`, all on one Ocean Node."""
    code = CODE.format(job_seconds)
    algorithm = {"code": code, "image": "python:3.11", "entrypoint": "python3 $ALGO"}
    return {
        "slug": f"load-{number}",
        "defaults": {"ocean_node": "ocean_node_default" if number == 1 else f"ocean_node_{number}"},
        "nodes": [
            {"id": f"n{n}", "data": {"algorithm": algorithm, "queue": "heavy" if n % 2 else None}}
            for n in range(nodes)
        ],
        "edges": [],
    }


class Watch(threading.Thread):
    """Looks every few seconds at what the parts take, and at which triggerers wait for how many."""

    def __init__(self, up: Running) -> None:
        super().__init__(daemon=True)
        self._up = up
        self._stopped = threading.Event()
        self.most_mb: dict[str, int] = {}
        self.cpu_seconds: dict[str, float] = {}

    def run(self) -> None:
        while not self._stopped.wait(5):
            for part in self._up.processes:
                processes = marks.find(self._up.home, part)
                self.most_mb[part] = max(self.most_mb.get(part, 0), sum(map(_pss_mb, processes)))

    def stop(self) -> None:
        self._stopped.set()
        self.join()
        for part, pid in self._up.processes.items():
            times = psutil.Process(pid).cpu_times()
            self.cpu_seconds[part] = round(
                times.user + times.system + times.children_user + times.children_system, 1
            )


def _pss_mb(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss >> 20)
    except psutil.Error:
        return 0


def requests_of(log: Path) -> list[tuple[float, str, str]]:
    """What an Ocean Node counted: when, taken or refused, which."""
    found = (_LINE.search(line) for line in log.read_text(errors="replace").splitlines())
    return [(float(m[1]), m[2], f"{m[3]} {m[4]}") for m in found if m]


def most_in_a_minute(moments: list[float]) -> int:
    """In any sixty seconds."""
    first = most = 0
    for last, moment in enumerate(moments):
        while moments[first] <= moment - 60:
            first += 1
        most = max(most, last - first + 1)
    return most


def _triggerers(home: Path) -> dict[str, int]:
    """How many tasks waited in each triggerer: its job's id is in the name of the log it writes for each."""
    logs = (home / "logs" / "tasks").rglob("*.log.trigger.*.log")
    return Counter(log.name.rpartition(".trigger.")[2].removesuffix(".log") for log in logs)


def figures(up: Running, watch: Watch, tasks: list[TaskInstance], seconds: float) -> dict[str, Any]:
    nodes = [task for task in tasks if task.task_id != "results"]
    counted = {
        name: requests_of(up.home / "logs" / f"{name}.log")
        for name in up.processes
        if name.startswith("ocean-node")
    }
    routes = Counter(route for requests in counted.values() for _, _, route in requests)
    taken = [[when for when, verdict, _ in requests if verdict == "taken"] for requests in counted.values()]
    return {
        "seconds": round(seconds),
        "node tasks": Counter(task.state for task in nodes),
        "tries": sum(task.try_number for task in nodes),
        "node tasks per minute": round(60 * len(nodes) / seconds, 1),
        "all tasks per minute": round(60 * len(tasks) / seconds, 1),
        "tasks by worker": Counter(task.hostname for task in tasks),
        "waits by triggerer": _triggerers(up.home),
        "requests": sum(routes.values()),
        "requests per job": round(sum(routes.values()) / len(nodes), 2),
        "most requests in a minute, per Ocean Node": sorted(map(most_in_a_minute, taken)),
        "refused": sum(verdict != "taken" for requests in counted.values() for _, verdict, _ in requests),
        "by route": routes.most_common(12),
        "memory MB": dict(sorted(watch.most_mb.items())),
        "memory MB in all": sum(watch.most_mb.values()),
        "CPU seconds of main processes": watch.cpu_seconds,
        "median seconds of a node task": round(
            statistics.median((t.ended - t.started).total_seconds() for t in nodes if t.ended and t.started),
            1,
        ),
    }


def measure(
    runs: int, nodes: int, ocean_nodes: int, job_seconds: float, limit_seconds: float
) -> dict[str, Any]:
    """The figures of one load; what has not ended in time is counted as it is."""
    asked = {"ocean_nodes": ocean_nodes, "requests_per_minute": LIMIT, "environment": SETTINGS}
    with (
        tempfile.TemporaryDirectory(prefix="deflow-scale-") as home,
        cluster.running(Path(home), **asked, report=print) as up,  # type: ignore[arg-type]
        AirflowApi(up.airflow_url, up.username, up.password) as airflow,
        pymongo.MongoClient(up.mongo_uri) as mongo,
    ):
        store = GraphStore(mongo["deflow"])
        for number in range(1, ocean_nodes + 1):
            draft = store.save(document(number, nodes, job_seconds), based_on=None, author="bench")
            store.publish(f"load-{number}", based_on=draft.version, author="bench")
        dags = [f"deflow_load-{number}" for number in range(1, ocean_nodes + 1)]
        for dag_id in dags:
            airflow.wait_for_dag(dag_id, timeout_seconds=300)
            airflow.unpause(dag_id)
        watch = Watch(up)
        watch.start()
        began = time.monotonic()
        started = [(dag_id := dags[run % len(dags)], airflow.trigger(dag_id)) for run in range(runs)]
        while time.monotonic() - began < limit_seconds:
            over = sum(airflow.dag_run(*run).state in OVER for run in started)
            print(f"  {time.monotonic() - began:6.0f} s: {over} of {runs} runs are over", flush=True)
            if over == runs:
                break
            time.sleep(15)
        seconds = time.monotonic() - began
        watch.stop()
        tasks = [task for run in started for task in airflow.task_instances(*run)]
        return {
            "runs": runs,
            "nodes per run": nodes,
            "Ocean Nodes": ocean_nodes,
            "job seconds": job_seconds,
            **figures(up, watch, tasks, seconds),
        }


def main() -> None:
    logging.disable(logging.WARNING)
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.scale", description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--nodes", type=int, default=10, help="per run")
    parser.add_argument("--ocean-nodes", type=int, default=10)
    parser.add_argument("--job-seconds", type=float, default=30)
    parser.add_argument("--limit-seconds", type=float, default=3600)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    asked = parser.parse_args()
    load = asked.runs, asked.nodes, asked.ocean_nodes, asked.job_seconds
    text = json.dumps(measure(*load, asked.limit_seconds), indent=2)
    print(text)
    if asked.out:
        asked.out.write_text(text + "\n")


if __name__ == "__main__":
    main()
