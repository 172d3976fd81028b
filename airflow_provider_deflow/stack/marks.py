# SPDX-License-Identifier: Apache-2.0
"""Every process of a stack carries its home and part in its environment; by that it is found again.

Unlike a process id in a file or a name, the mark is inherited by whatever a part starts, cannot be
somebody else's, and outlives every parent. So what a crash left behind can be ended without doubt.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil

STACK = "DEFLOW_STACK"
PART = "DEFLOW_PART"


def mark(home: Path, part: str) -> dict[str, str]:
    """The environment variables of a process of this part, and of all that it starts."""
    # setproctitle, which Airflow uses, else overwrites the memory where the environment is read from.
    return {STACK: str(home), PART: part, "SPT_NOENV": "1"}


def part_name() -> str:
    """The part that this process belongs to. The cluster's Airflow takes it for its host's name."""
    return os.environ[PART]


def find(home: Path, part: str | None = None) -> list[psutil.Process]:
    """Living processes of the stack in `home`, of one part or of all, but not this one."""
    found = []
    for process in psutil.process_iter():
        if process.pid == os.getpid():
            continue
        try:
            environment = process.environ()
        except (psutil.Error, OSError):  # another user's, or just ended
            continue
        if environment.get(STACK) == str(home) and part in (None, environment.get(PART)):
            found.append(process)
    return found


def end(home: Path, part: str | None = None, *, grace_seconds: float = 0) -> int:
    """End them: asked first when there is time, then killed; tells how many there were."""
    ended = find(home, part)
    if grace_seconds and ended:
        _signal_all(ended, signal.SIGTERM)
        psutil.wait_procs(ended, timeout=grace_seconds)
    # What is being killed may have started another a moment before.
    while remaining := find(home, part):
        _signal_all(remaining, signal.SIGKILL)
        psutil.wait_procs(remaining, timeout=5)
        ended += [process for process in remaining if process not in ended]
    return len(ended)


def _signal_all(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(number)
        except psutil.NoSuchProcess:
            continue
