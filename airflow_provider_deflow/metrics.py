# SPDX-License-Identifier: Apache-2.0
"""Every metric of DeFlow, named once, in Airflow's own StatsD or OpenTelemetry.

`docs/monitoring.md` lists them, which a test holds. Where Airflow sends its metrics is the user's setting
(`[metrics]`); where it sends none, nothing happens here. Tags are few and bounded: Dag and task, as
Airflow's own metrics have them, the host of an Ocean Node, and names of ours. No run, job or address is one.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from airflow.sdk.observability import stats

from airflow_provider_deflow import errors

if TYPE_CHECKING:
    from airflow_provider_deflow.ocean.routes import Route

_TASK = ("dag_id", "task_id")
_TASK_THERE = (*_TASK, "ocean_node")


@dataclass(frozen=True, slots=True)
class Metric:
    """A `counter` adds up; a `timer` is in milliseconds, as all of Airflow's are."""

    name: str
    kind: Literal["counter", "timer"]
    tags: tuple[str, ...]
    what: str


SUBMITTED = Metric("deflow.job.submitted", "counter", _TASK_THERE, "compute jobs started by a task")
POLLED = Metric(
    "deflow.job.polled", "counter", ("ocean_node",), "looks at jobs; one request may look at many"
)
QUEUED = Metric(
    "deflow.job.queued",
    "timer",
    _TASK_THERE,
    "from a job's creation to its algorithm's start: queue, image, data",
)
RAN = Metric("deflow.job.ran", "timer", _TASK_THERE, "how long a job's algorithm ran")
DOWNLOADED_BYTES = Metric("deflow.download.bytes", "counter", _TASK_THERE, "size of the outputs fetched")
DOWNLOADED = Metric("deflow.download.duration", "timer", _TASK_THERE, "fetching and keeping a job's outputs")
HANDED_BYTES = Metric(
    "deflow.handover.bytes", "counter", _TASK_THERE, "size of the files an edge handed over"
)
HANDED = Metric("deflow.handover.duration", "timer", _TASK_THERE, "handing over an edge's files")
RETRIED = Metric(
    "deflow.task.retried", "counter", (*_TASK, "error"), "tries that ended badly and are tried again"
)
REQUESTED = Metric(
    "deflow.ocean_node.requests",
    "counter",
    ("ocean_node", "request", "answer"),
    "requests sent; `answer` is `ok` or the error's class",
)
RATE_LIMITED = Metric(
    "deflow.ocean_node.rate_limited",
    "counter",
    ("ocean_node",),
    "requests that an Ocean Node answered with 429",
)
ALARMS = Metric("deflow.alarms", "counter", ("kind", *_TASK), "alarms raised")

_LOOKS = frozenset({"job status", "jobs", "jobs of a wallet"})


def count(metric: Metric, amount: int = 1, /, **tags: str) -> None:
    """Add to a counter."""
    _open()
    stats.incr(metric.name, amount, tags=_known(tags))


def took(metric: Metric, seconds: float, /, **tags: str) -> None:
    """Tell how long something took."""
    _open()
    stats.timing(metric.name, timedelta(seconds=seconds), tags=_known(tags))


def requested(route: Route[Any], url: str, error: Exception | None) -> None:
    """Count one request to an Ocean Node and what became of it; an `Observer` of its clients."""
    there = host_of(url)
    answer = "ok" if error is None else type(error).__name__
    count(REQUESTED, ocean_node=there, request=route.name.replace(" ", "_"), answer=answer)
    if route.name in _LOOKS:
        count(POLLED, ocean_node=there)
    # Only a rate limit says how long to wait.
    if isinstance(error, errors.OceanNodeBusy) and error.retry_after_seconds is not None:
        count(RATE_LIMITED, ocean_node=there)


def host_of(url: str) -> str:
    """How an Ocean Node is called in a tag: a URL's `:` and `/` are no part of a StatsD name."""
    parts = urlsplit(url)
    host = (parts.hostname or "").replace(":", "_")
    return f"{host}_{parts.port}" if parts.port else host


def _known(tags: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if value}


@functools.cache
def _open() -> None:
    """Airflow opens the Task SDK's metrics in a task's process only; triggers and callbacks run in others.

    Not twice: with OpenTelemetry that would be a second exporter beside Airflow's own.
    """
    if stats.incr.__globals__.get("_factory") is None:
        from airflow.sdk import conf
        from airflow.sdk.observability.metrics import stats_utils

        stats.initialize(
            factory=stats_utils.get_stats_factory(),
            export_legacy_names=conf.getboolean("metrics", "legacy_names_on"),
        )
