# SPDX-License-Identifier: Apache-2.0
"""One compute task as Airflow runs it, without Airflow's processes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pendulum
from airflow.sdk import DAG
from airflow.sdk.exceptions import TaskDeferred
from airflow.triggers.base import BaseTrigger

from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.operators.compute import OceanComputeOperator

WRITE = "open('/data/outputs/out.txt', 'w').write('{}')"


class Memory(dict[str, Any]):
    """Task state, which outlives a try and a clear."""

    set = dict.__setitem__


def operator(code: str, *, force_new: bool = False, **node: Any) -> OceanComputeOperator:
    with DAG("by_hand", schedule=None):
        return OceanComputeOperator(
            task_id="train",
            node={"algorithm": {"code": code, "image": "python:3.11", "entrypoint": "python3 $ALGO"}, **node},
            retries=2,
            force_new=force_new,
        )


def context(
    memory: Memory | None = None,
    run_id: str = "run 1",
    tries: tuple[int, int] = (1, 2),
    conf: dict[str, Any] | None = None,
    **params: Any,
) -> Any:
    """`tries` are the number of this try, and the highest that Airflow would still repeat."""
    ti = SimpleNamespace(
        dag_id="by_hand", run_id=run_id, map_index=-1, xcom_pull=None, try_number=tries[0], max_tries=tries[1]
    )
    return {
        "ti": ti,
        "run_id": run_id,
        "params": params,
        "dag_run": SimpleNamespace(run_after=pendulum.datetime(2026, 1, 31, 6), conf=conf),
        "task_state_store": Memory() if memory is None else memory,
    }


def run(task: OceanComputeOperator, of: Any) -> dict[str, Any]:
    """As Airflow would: through the trigger when the task defers."""
    try:
        return task.execute(of)
    except TaskDeferred as deferral:
        return task.resume(of, asyncio.run(first_event(deferral.trigger)))


async def first_event(trigger: BaseTrigger) -> Any:
    async for event in trigger.run():
        return event.payload


def written(returned: dict[str, Any]) -> dict[str, str]:
    store = content_store()
    files = {}
    for file in store.outputs(returned["outputs"]).files:
        with store.open(file.sha256) as content:
            files[file.name] = content.read().decode()
    return files
