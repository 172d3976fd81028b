# SPDX-License-Identifier: Apache-2.0
"""What Airflow's REST API v2 answers, as values: runs, their tasks, and Dag files that are wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

OVER = frozenset({"success", "failed"})
TASK_OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})


@dataclass(frozen=True, slots=True)
class DagRun:
    """One run of a Dag; `state` is Airflow's word, such as queued, running, success, failed."""

    dag_id: str
    run_id: str
    state: str
    started: datetime | None
    ended: datetime | None
    bundle_version: str | None

    @classmethod
    def from_reply(cls, reply: Mapping[str, Any]) -> Self:
        return cls(
            dag_id=reply["dag_id"],
            run_id=reply["dag_run_id"],
            state=reply["state"],
            started=moment(reply["start_date"]),
            ended=moment(reply["end_date"]),
            bundle_version=reply["bundle_version"],
        )


@dataclass(frozen=True, slots=True)
class TaskInstance:
    """One task of a run; `state` is empty while nothing has been decided about it."""

    task_id: str
    map_index: int
    state: str
    try_number: int
    operator: str
    started: datetime | None
    ended: datetime | None
    queue: str = ""
    pool: str = ""
    hostname: str = ""

    @classmethod
    def from_reply(cls, reply: Mapping[str, Any]) -> Self:
        return cls(
            task_id=reply["task_id"],
            map_index=reply["map_index"],
            state=reply["state"] or "",
            try_number=reply["try_number"],
            operator=reply["operator_name"] or "",
            started=moment(reply["start_date"]),
            ended=moment(reply["end_date"]),
            queue=reply["queue"] or "",
            pool=reply["pool"],
            hostname=reply["hostname"] or "",
        )


@dataclass(frozen=True, slots=True)
class RunState:
    """A run and its tasks as they were at one moment."""

    run: DagRun
    tasks: tuple[TaskInstance, ...]

    @property
    def is_over(self) -> bool:
        return self.run.state in OVER


@dataclass(frozen=True, slots=True)
class DagImportError:
    """A Dag file that Airflow could not import."""

    filename: str
    stack_trace: str


def moment(text: str | None) -> datetime | None:
    """A point in time as Airflow writes it."""
    return datetime.fromisoformat(text) if text else None


def log_lines(entry: str | Mapping[str, Any]) -> list[str]:
    """Of one entry of a log; an exception in it as the lines that Airflow kept of it."""
    if isinstance(entry, str):
        return entry.splitlines()
    errors = entry.get("error_detail") or ()
    return [
        *str(entry["event"]).splitlines(),
        *(line for error in errors for line in f"{error['exc_type']}: {error['exc_value']}".splitlines()),
    ]
