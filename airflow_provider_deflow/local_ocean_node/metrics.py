# SPDX-License-Identifier: Apache-2.0
"""What a running algorithm uses: a sample of its processes, in the form of the next major version.

Counters never go back, and the peak and the rate are told from the sample before; so the last one, taken
when it has ended, still says what it used.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psutil

from airflow_provider_deflow.local_ocean_node.job import Job
from airflow_provider_deflow.local_ocean_node.limits import MOST_PROCESSES
from airflow_provider_deflow.local_ocean_node.settings import GIGABYTE


@dataclass(frozen=True, slots=True)
class Usage:
    """Of all processes of a container together; nothing for one that has ended."""

    cpu_seconds: float = 0.0
    memory_bytes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    processes: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Of a container, as Docker would tell it."""

    running: bool
    started_at: float
    finished_at: float | None = None
    exit_code: int = 0
    oom_killed: bool = False


def usage_of(pid: int) -> Usage:
    """What the process and all its children use now."""
    cpu, memory, read, written, count = 0.0, 0, 0, 0, 0
    with contextlib.suppress(psutil.Error):
        root = psutil.Process(pid)
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                cpu += times.user + times.system
                memory += process.memory_info().rss
                count += 1
            # Not to be read of every process.
            with contextlib.suppress(psutil.Error, AttributeError):
                traffic = process.io_counters()
                read += traffic.read_bytes
                written += traffic.write_bytes
    return Usage(cpu, memory, read, written, count)


def snapshot(
    job: Job, state: State, usage: Usage, disk_bytes: int, before: dict[str, Any] | None
) -> dict[str, Any]:
    now = datetime.now(UTC)
    last: dict[str, Any] = before or {"cpu": {}, "memory": {}, "blockIO": {}}
    used = max(round(usage.cpu_seconds, 3), last["cpu"].get("cumulativeSeconds", 0))
    percent = 0.0
    if before and state.running:
        passed = (now - datetime.fromisoformat(before["collectedAt"])).total_seconds()
        percent = round(100 * (used - last["cpu"]["cumulativeSeconds"]) / passed, 2) if passed > 0 else 0.0
    cores, limit = job.amount("cpu"), int(job.amount("ram") * GIGABYTE)
    quota = int(job.amount("disk") * GIGABYTE)
    return {
        "collectedAt": _iso(now.timestamp()),
        "containerState": {
            "status": "running" if state.running else "exited",
            "startedAt": _iso(state.started_at),
            **({} if state.finished_at is None else {"finishedAt": _iso(state.finished_at)}),
            "exitCode": state.exit_code,
            "oomKilled": state.oom_killed,
            "restartCount": 0,
        },
        "cpu": {
            "usagePercent": percent,
            "allocated": cores,
            "usagePercentOfAllocated": round(percent / cores, 2) if cores else 0,
            "cumulativeSeconds": used,
            # A sandbox is pinned to its cores, not throttled.
            "throttledPeriods": 0,
            "throttledSeconds": 0,
        },
        "memory": {
            "usageBytes": usage.memory_bytes,
            "limitBytes": limit,
            "usagePercent": round(100 * usage.memory_bytes / limit, 2) if limit else 0,
            "peakUsageBytes": max(usage.memory_bytes, last["memory"].get("peakUsageBytes", 0)),
        },
        "disk": {
            "usedBytes": disk_bytes,
            **({"quotaBytes": quota, "usagePercent": round(100 * disk_bytes / quota, 2)} if quota else {}),
        },
        "blockIO": {
            "readBytes": max(usage.read_bytes, last["blockIO"].get("readBytes", 0)),
            "writeBytes": max(usage.written_bytes, last["blockIO"].get("writeBytes", 0)),
        },
        "pids": {"current": usage.processes, "limit": MOST_PROCESSES},
    }


def age_of(sample: dict[str, Any]) -> float:
    """In seconds."""
    return (datetime.now(UTC) - datetime.fromisoformat(sample["collectedAt"])).total_seconds()


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
