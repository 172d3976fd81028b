# SPDX-License-Identifier: Apache-2.0
"""Every metric of DeFlow, named once, in Airflow's own StatsD or OpenTelemetry.

Where Airflow sends its metrics is the user's setting
(`[metrics]`); where it sends none, nothing happens here. Tags are few and bounded: Dag and task, as
Airflow's own metrics have them, and the host of an Ocean Node. No run, job or address is a tag.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from airflow.sdk.observability import stats

Tags = dict[str, str]


@dataclass(frozen=True, slots=True)
class Metric:
    """`counter` adds up; `timer` is in milliseconds, as all of Airflow's are."""

    name: str
    kind: Literal["counter", "timer"]
    tags: tuple[str, ...]
    what: str


ALARM = Metric("deflow.alarm", "counter", ("kind", "dag_id", "task_id"), "alarms raised")


def count(metric: Metric, amount: int = 1, **tags: str) -> None:
    """Add to a counter."""
    stats.incr(metric.name, amount, tags=_known(tags))


def took(metric: Metric, seconds: float, **tags: str) -> None:
    """Tell how long something took."""
    stats.timing(metric.name, timedelta(seconds=seconds), tags=_known(tags))


def host_of(url: str) -> str:
    """How an Ocean Node is called in a tag: a URL's `:` and `/` are no part of a StatsD name."""
    parts = urlsplit(url)
    return f"{parts.hostname or ''}_{parts.port}" if parts.port else parts.hostname or ""


def _known(tags: Tags) -> Tags:
    return {name: value for name, value in tags.items() if value}
