# SPDX-License-Identifier: Apache-2.0
"""What a task of a node or an edge adds to the metrics: jobs started, how long they waited and ran, bytes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from airflow_provider_deflow import metrics

if TYPE_CHECKING:
    from airflow_provider_deflow import jobs
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.ocean.outputs import Outputs
    from airflow_provider_deflow.operators.work import Work


def taken(work: Work, found: jobs.Found) -> None:
    """A job answers for the node; it counts where this try started it."""
    if found.how == "started":
        metrics.count(metrics.SUBMITTED, **_of(work))


def over(work: Work, job: ComputeJob) -> None:
    """How long the job waited and ran, by the Ocean Node's own clock."""
    if job.created and job.algo_started:
        metrics.took(metrics.QUEUED, (job.algo_started - job.created).total_seconds(), **_of(work))
    if job.algo_started and job.algo_stopped:
        metrics.took(metrics.RAN, (job.algo_stopped - job.algo_started).total_seconds(), **_of(work))


def fetched(work: Work, fetch: Callable[[], Outputs]) -> Outputs:
    """`fetch` a job's outputs and tell how much that was, in what time."""
    began = time.monotonic()
    outputs = fetch()
    metrics.took(metrics.DOWNLOADED, time.monotonic() - began, **_of(work))
    metrics.count(metrics.DOWNLOADED_BYTES, outputs.archive_size, **_of(work))
    return outputs


def handed_over(dag_id: str, task_id: str, ocean_node_url: str, size: int, seconds: float) -> None:
    """An edge brought its files."""
    of = {"dag_id": dag_id, "task_id": task_id, "ocean_node": metrics.host_of(ocean_node_url)}
    metrics.took(metrics.HANDED, seconds, **of)
    metrics.count(metrics.HANDED_BYTES, size, **of)


def _of(work: Work) -> dict[str, str]:
    return {
        "dag_id": work.of_run.dag_id,
        "task_id": work.of_run.node_id,
        "ocean_node": metrics.host_of(work.url),
    }
