# SPDX-License-Identifier: Apache-2.0
"""What a container may use, and watching that it does not use more memory.

Cores are pinned and the memory of all its processes together is watched: past the limit they are killed,
as a container's would be. An address-space limit would not do, since numerical libraries reserve many times
what they touch; the resource limits set here are far behind the watch and bound what it cannot see in time.
"""

from __future__ import annotations

import contextlib
import os
import platform
import resource
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

# As a real node's containers.
MOST_PROCESSES = 512


@dataclass(frozen=True, slots=True)
class Limits:
    """`None` is no limit of that kind."""

    cores: tuple[int, ...] | None
    memory_bytes: int | None
    file_bytes: int
    cpu_seconds: int

    def apply(self, pid: int) -> None:
        """To a process that has not started anything yet."""
        if sys.platform != "linux":
            return
        limits = {
            resource.RLIMIT_CORE: 0,
            resource.RLIMIT_CPU: self.cpu_seconds,
            resource.RLIMIT_FSIZE: self.file_bytes,
        }
        if self.memory_bytes is not None:
            limits[resource.RLIMIT_DATA] = 4 * self.memory_bytes + (4 << 30)
        if _counts_processes_per_namespace():
            limits[resource.RLIMIT_NPROC] = MOST_PROCESSES
        for kind, most in limits.items():
            resource.prlimit(pid, kind, (most, most))
        if self.cores:
            os.sched_setaffinity(pid, self.cores)
        # Should the machine run out of memory, the algorithm goes before the node.
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/oom_score_adj").write_text("1000")

    def overuse(self, pid: int) -> Literal["memory", "processes"] | None:
        """What the process and all its children together have too much of now."""
        try:
            root = psutil.Process(pid)
            processes = [root, *root.children(recursive=True)]
        except psutil.Error:
            return None
        if len(processes) > MOST_PROCESSES:
            return "processes"
        if self.memory_bytes is None or _sum("memory_info", "rss", processes) <= self.memory_bytes:
            return None
        # Pages that forked processes share count once; telling them apart is slow, so only when it matters.
        shared_once = "pss" if sys.platform == "linux" else "uss"
        too_much = _sum("memory_full_info", shared_once, processes) > self.memory_bytes
        return "memory" if too_much else None


def _sum(method: str, field: str, processes: list[psutil.Process]) -> int:
    total = 0
    for process in processes:
        with contextlib.suppress(psutil.Error):
            total += int(getattr(getattr(process, method)(), field))
    return total


def _counts_processes_per_namespace() -> bool:
    """Before Linux 5.14 the limit counts all processes of the user, whichever container they are in."""
    major, minor, *_ = (*platform.release().split("."), "0")
    return (int(major), int("".join(filter(str.isdigit, minor)) or 0)) >= (5, 14)
