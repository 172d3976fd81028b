# SPDX-License-Identifier: Apache-2.0
"""What a node of a graph costs when its algorithm takes no time: seconds per node of a chain.

Both Dags run on one stack (4 slots, idle sleep 0.1 s), one after the other, and have the same tasks:
`2n` in a chain, every other one waiting.

* peer: deferrable operators that do nothing (a trigger that fires at once), and plain ones between
* ours: compute jobs on the local Ocean Node, really executed, and handovers between them
* limit: the Ocean Node's own time for such a job, from start to end, as its records say
"""

from __future__ import annotations

import itertools
import statistics
import tempfile
from pathlib import Path

import pymongo

from airflow_provider_deflow import stack
from airflow_provider_deflow.graphs.store import GraphStore
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.stack.airflow_api import AirflowApi, RunState

NODES = 10
RUNS = 3
CODE = "open('/data/outputs/out.txt', 'w').write('x')"


def document() -> dict[str, object]:
    names = [f"n{number}" for number in range(NODES)]
    algorithm = {"code": CODE, "image": "python:3.11", "entrypoint": "python3 $ALGO"}
    return {
        "slug": "zero-seconds",
        "nodes": [{"id": name, "data": {"algorithm": algorithm}} for name in names],
        "edges": [{"source": a, "target": b} for a, b in itertools.pairwise(names)],
    }


def measure() -> dict[str, float]:
    """Seconds per node: the median of a few runs after one that warms up."""
    with (
        tempfile.TemporaryDirectory(prefix="deflow-bench-") as home,
        stack.running(Path(home), dags=Path(__file__).parent / "dags") as up,
        AirflowApi(up.airflow_url, up.username, up.password) as airflow,
        pymongo.MongoClient(up.mongo_uri) as mongo,
    ):
        store = GraphStore(mongo["deflow"])
        draft = store.save(document(), based_on=None, author="bench")
        store.publish("zero-seconds", based_on=draft.version, author="bench")
        seconds = {
            dag_id: _per_node(airflow, dag_id) for dag_id in ("peer_deferrable", "deflow_zero-seconds")
        }
        jobs = OceanNode(up.ocean_node_url, requests_per_minute=600).jobs([])
        alone = [(job.finished - job.created).total_seconds() for job in jobs if job.finished and job.created]
    return {
        "deferrable no-ops": seconds["peer_deferrable"],
        "DeFlow": seconds["deflow_zero-seconds"],
        "Ocean Node alone": statistics.median(alone),
    }


def _per_node(airflow: AirflowApi, dag_id: str) -> float:
    airflow.wait_for_dag(dag_id, timeout_seconds=90)
    airflow.unpause(dag_id)
    times = [_seconds(airflow, dag_id) for _ in range(RUNS + 1)]
    return statistics.median(times[1:]) / NODES


def _seconds(airflow: AirflowApi, dag_id: str) -> float:
    last: RunState
    *_, last = airflow.follow(dag_id, airflow.trigger(dag_id))
    if last.run.state != "success" or last.run.started is None or last.run.ended is None:
        raise AssertionError(f"{dag_id} ended {last.run.state}")
    return (last.run.ended - last.run.started).total_seconds()
