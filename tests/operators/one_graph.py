# SPDX-License-Identifier: Apache-2.0
"""A whole graph as Airflow runs it, task after task, without Airflow's processes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pendulum
from airflow.sdk.exceptions import AirflowSkipException

from airflow_provider_deflow.dag_factory import build_dag
from airflow_provider_deflow.graphs import Graph
from tests.operators.one_task import Memory
from tests.operators.one_task import run as run_task


def run_graph(
    document: dict[str, Any], run_id: str, conf: dict[str, Any] | None = None, revision: int = 1
) -> dict[str, Any]:
    """What each task returned, None for one that was skipped. A failure is raised by the task that fails."""
    dag = build_dag(Graph.from_document(document), revision=revision)
    returned: dict[str, Any] = {}
    for task in dag.topological_sort():
        if any(returned[each] is None for each in task.upstream_task_ids):
            returned[task.task_id] = None  # what Airflow does when every upstream task has to succeed
            continue
        try:
            returned[task.task_id] = run_task(
                task, _context(dag.dag_id, task.task_id, run_id, returned, conf)
            )
        except AirflowSkipException:
            returned[task.task_id] = None
    return returned


def _context(
    dag_id: str, task_id: str, run_id: str, returned: dict[str, Any], conf: dict[str, Any] | None
) -> Any:
    ti = SimpleNamespace(
        dag_id=dag_id,
        run_id=run_id,
        map_index=-1,
        try_number=1,
        max_tries=2,
        xcom_pull=lambda task_ids: returned[task_ids],
    )
    return {
        "ti": ti,
        "run_id": run_id,
        "params": {},
        "dag_run": SimpleNamespace(run_after=pendulum.datetime(2026, 1, 31, 6), conf=conf),
        "task_state_store": Memory(),
    }
