# SPDX-License-Identifier: Apache-2.0
"""Small values that all processes of one host share: a file each, changed under a lock.

Without a folder they live in this process. A lock is a lock on an open file (flock), so a process
that dies lets go of it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from airflow_provider_deflow.errors import OceanNodeBusy

_POLL_SECONDS = 0.01


class Cell(Protocol):
    """One value, as bytes; b"" at first."""

    def read(self) -> bytes: ...
    def write(self, value: bytes) -> None: ...


class SharedState:
    """Named cells, in `folder` or in memory."""

    # In memory, all clients of this process share: two clients of one node are one asker to it.
    _in_memory: dict[str, tuple[threading.Lock, _MemoryCell]] = {}  # noqa: RUF012
    _in_memory_lock = threading.Lock()

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @contextmanager
    def locked(self, name: str, patience_seconds: float = 60.0) -> Iterator[Cell]:
        """The cell `name`, ours alone until the block ends. Raises `OceanNodeBusy` when it stays taken."""
        deadline = time.monotonic() + patience_seconds
        with self._in_folder(name, deadline) if self._folder else self._in_process(name, deadline) as cell:
            yield cell

    @contextmanager
    def _in_process(self, name: str, deadline: float) -> Iterator[Cell]:
        with self._in_memory_lock:
            lock, cell = self._in_memory.setdefault(name, (threading.Lock(), _MemoryCell()))
        if not lock.acquire(timeout=max(0.0, deadline - time.monotonic())):
            raise _taken(name)
        try:
            yield cell
        finally:
            lock.release()

    @contextmanager
    def _in_folder(self, name: str, deadline: float) -> Iterator[Cell]:
        folder = self._folder or Path()
        try:
            handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            while not _try_lock(handle):
                if time.monotonic() > deadline:
                    raise _taken(name)
                time.sleep(_POLL_SECONDS)
            yield _FileCell(handle)
        finally:
            os.close(handle)


class _MemoryCell:
    def __init__(self) -> None:
        self._value = b""

    def read(self) -> bytes:
        return self._value

    def write(self, value: bytes) -> None:
        self._value = value


class _FileCell:
    def __init__(self, handle: int) -> None:
        self._handle = handle

    def read(self) -> bytes:
        return os.pread(self._handle, os.fstat(self._handle).st_size, 0)

    def write(self, value: bytes) -> None:
        os.pwrite(self._handle, value, 0)
        os.ftruncate(self._handle, len(value))


def _try_lock(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _taken(name: str) -> OceanNodeBusy:
    return OceanNodeBusy(
        f"{name} stayed locked — another process of this host is asking the Ocean Node with this wallet and "
        "gets no answer; it is tried again"
    )
