# SPDX-License-Identifier: Apache-2.0
"""What a graph costs when Airflow parses its file: microseconds per task, the best of several runs.

All build the same Dag, a chain: our operators with the same arguments, the same ids.

* limit: the same operators in a plain Python loop
* ours: `build_dag` of a graph that is there already; and from the stored JSON text, checks included
* peer: `dag-factory`, which reads a YAML file of the same tasks
"""

from __future__ import annotations

import gc
import itertools
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pendulum
import yaml
from airflow.sdk import DAG

from airflow_provider_deflow.dag_factory import build_dag
from airflow_provider_deflow.graphs import graph as graphs
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.handover import HandoverOperator
from airflow_provider_deflow.operators.results import CollectResultsOperator

SIZES = (10, 100, 500)
REPEATS = 5
ALGORITHM = {"code": "print('hello')", "image": "python:3.11", "entrypoint": "python3 $ALGO"}
START = pendulum.datetime(2024, 1, 1, tz="UTC")


def document(nodes: int) -> dict[str, Any]:
    names = [f"n{number}" for number in range(nodes)]
    return {
        "slug": "chain",
        "nodes": [{"id": name, "data": {"algorithm": ALGORITHM}} for name in names],
        "edges": [{"source": a, "target": b} for a, b in itertools.pairwise(names)],
    }


def plain_loop(graph: graphs.Graph) -> DAG:
    with DAG("plain", schedule=None, start_date=START) as dag:
        tasks = {
            node.id: OceanComputeOperator(task_id=node.id, node=node.data, defaults=graph.defaults, retries=2)
            for node in graph.nodes
        }
        for edge in graph.edges:
            handover = HandoverOperator(task_id=edge.task_id, edge=edge, retries=2)
            tasks[edge.source] >> handover >> tasks[edge.target]
        tasks[graph.nodes[-1].id] >> CollectResultsOperator(task_id="results", graph={})
    return dag


def dag_factory_yaml(nodes: int) -> str:
    operators = "airflow_provider_deflow.operators"
    compute, handover = f"{operators}.compute.OceanComputeOperator", f"{operators}.handover.HandoverOperator"
    tasks: list[dict[str, Any]] = []
    for number in range(nodes):
        name, before = f"n{number}", f"n{number - 1}"
        task: dict[str, Any] = {
            "task_id": name,
            "operator": compute,
            "node": {"algorithm": ALGORITHM},
            "retries": 2,
        }
        if number:
            edge_id = f"{before}__{name}"
            edge = {"id": edge_id, "source": before, "target": name}
            tasks.append(
                {
                    "task_id": edge_id,
                    "operator": handover,
                    "edge": edge,
                    "retries": 2,
                    "dependencies": [before],
                }
            )
            task["dependencies"] = [edge_id]
        tasks.append(task)
    tasks.append(
        {
            "task_id": "results",
            "operator": f"{operators}.results.CollectResultsOperator",
            "graph": {},
            "dependencies": [f"n{nodes - 1}"],
        }
    )
    return yaml.safe_dump({"peer": {"start_date": "2024-01-01", "schedule": None, "tasks": tasks}})


def with_dag_factory(text: str) -> DAG:
    import dagfactory

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "peer.yaml"
        file.write_text(text)
        found: dict[str, Any] = {}
        dagfactory.load_yaml_dags(globals_dict=found, config_filepath=str(file))
    return next(value for value in found.values() if isinstance(value, DAG))


def best_us_per_task(build: Callable[[], DAG], tasks: int) -> float:
    times = []
    for _ in range(REPEATS):
        gc.collect()
        began = time.perf_counter()
        dag = build()
        times.append(time.perf_counter() - began)
        if len(dag.tasks) != tasks:
            raise AssertionError(f"{len(dag.tasks)} tasks, {tasks} expected")
    return min(times) * 1e6 / tasks


def rows() -> list[dict[str, float]]:
    measured = []
    for nodes in SIZES:
        stored = json.dumps(document(nodes))
        graph = graphs.Graph.from_document(json.loads(stored))
        tasks = 2 * nodes
        text = dag_factory_yaml(nodes)
        measured.append(
            {
                "tasks": tasks,
                "plain loop": best_us_per_task(lambda graph=graph: plain_loop(graph), tasks),
                "build_dag": best_us_per_task(lambda graph=graph: build_dag(graph), tasks),
                "from stored JSON": best_us_per_task(
                    lambda stored=stored: build_dag(graphs.Graph.from_document(json.loads(stored))), tasks
                ),
                "dag-factory": best_us_per_task(lambda text=text: with_dag_factory(text), tasks),
            }
        )
    return measured
