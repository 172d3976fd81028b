# SPDX-License-Identifier: Apache-2.0
"""One sandboxed run of an algorithm, with the life of a Docker container.

Created, then running, then exited with an exit code; its files and its log stay until it is removed.
Containers live in this process: after a restart of the node they are gone, and the engine does what a
real node does about a container that somebody removed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

from airflow_provider_deflow.local_ocean_node.frames import STDERR, STDOUT, FrameLog
from airflow_provider_deflow.local_ocean_node.isolation import Isolation, Launched, Run
from airflow_provider_deflow.local_ocean_node.metrics import State, Usage, usage_of

_MEMORY_CHECK_SECONDS = 0.1

log = logging.getLogger(__name__)


class Container:
    """A run and its processes."""

    def __init__(self, run: Run, isolation: Isolation) -> None:
        self._run = run
        self._isolation = isolation
        self._launched: Launched | None = None
        self._starting: asyncio.Task[str | None] | None = None
        self._watch: asyncio.Task[None] | None = None
        self._log = FrameLog(run.folder / "container.log")
        # Disk use of what came with the image and the inputs, measured a while after the start.
        self.base_bytes = 0
        self.exit_code: int | None = None
        self.oom_killed = False
        self.started_at = 0.0
        self.exited_at = 0.0

    @property
    def is_running(self) -> bool:
        return self._launched is not None and self.exit_code is None

    @property
    def data(self) -> Path:
        return self._run.folder / "data"

    @property
    def outputs(self) -> Path:
        return self._run.outputs

    @property
    def log_path(self) -> Path:
        return self._log.path

    async def start(self, *, fails: bool = False) -> str | None:
        """Start it; the words of Docker when it cannot be started."""
        reason = "a test asked for it" if fails else self._missing_program()
        if reason is None:
            # Not to be cancelled half way: that could leave a sandbox that nobody knows of.
            self._starting = asyncio.create_task(self._launch())
            reason = await asyncio.shield(self._starting)
        if reason is None:
            return None
        return (
            "(HTTP code 400) unexpected - failed to create shim task: OCI runtime create failed: runc create "
            f"failed: unable to start container process: {reason}: unknown "
        )

    def usage(self) -> Usage:
        if self._launched is None or not self.is_running:
            return Usage()
        return usage_of(self._launched.root_pid)

    def state(self) -> State:
        return State(
            running=self.is_running,
            started_at=self.started_at,
            finished_at=self.exited_at or None,
            exit_code=self.exit_code or 0,
            oom_killed=self.oom_killed,
        )

    async def stop(self, grace_seconds: float) -> None:
        """SIGTERM, and SIGKILL to all of it if that did not end it in time."""
        if self._launched is None or self._watch is None:
            return
        self._isolation.signal(self._launched, signal.SIGTERM)
        await asyncio.wait({self._watch}, timeout=grace_seconds)
        await self.kill()

    async def kill(self) -> None:
        if self._starting:
            await asyncio.wait({self._starting})
        if self._launched is None or self._watch is None:
            return
        if self.is_running:
            self._isolation.signal(self._launched, signal.SIGKILL)
        await self._watch

    def follow(self) -> AsyncIterator[bytes]:
        return self._log.follow()

    async def disk_bytes(self) -> int:
        return await asyncio.to_thread(_size, self._run.folder)

    async def remove(self) -> None:
        await self.kill()
        await asyncio.to_thread(_delete, self._run.folder)

    async def _launch(self) -> str | None:
        try:
            self._launched = await self._isolation.launch(self._run)
        except (OSError, ValueError) as error:
            return str(error)
        self.started_at = time.time()
        self._watch = asyncio.create_task(self._attend(self._launched))
        return None

    async def _attend(self, launched: Launched) -> None:
        """Record what it says, keep it within its memory, note how it ended."""
        process = launched.process
        assert process.stdout is not None
        assert process.stderr is not None
        guard = asyncio.create_task(self._guard(launched))
        recorded = asyncio.gather(
            self._log.record(STDOUT, process.stdout), self._log.record(STDERR, process.stderr)
        )
        await process.wait()
        self._isolation.sweep(launched)
        try:
            await recorded
        except OSError as error:
            log.warning("the output of %s is not complete: %s", self._run.job_id, error)
        guard.cancel()
        code = process.returncode or 0
        self.exit_code = 128 - code if code < 0 else code
        self.exited_at = time.time()
        await self._log.close()

    async def _guard(self, launched: Launched) -> None:
        while True:
            overuse = await asyncio.to_thread(self._run.limits.overuse, launched.root_pid)
            if overuse:
                self.oom_killed = overuse == "memory"
                self._isolation.signal(launched, signal.SIGKILL)
                return
            await asyncio.sleep(_MEMORY_CHECK_SECONDS)

    def _missing_program(self) -> str | None:
        name = self._run.command[0]
        if "/" not in name:
            found = shutil.which(name, path=self._run.environment.get("PATH", ""))
            return None if found else f'exec: "{name}": executable file not found in $PATH'
        # Relative to the container's root, which is not the host's.
        inside = Path("/") / name
        on_host = self._run.folder / inside.relative_to("/") if inside.parts[1:2] == ("data",) else inside
        if not on_host.exists() or not self._is_visible(on_host):
            return f'exec: "{name}": stat {name}: no such file or directory'
        return None if os.access(on_host, os.X_OK) else f'exec: "{name}": permission denied'

    def _is_visible(self, path: Path) -> bool:
        folders = (self.data, *self._isolation.visible)
        return any(path.resolve().is_relative_to(folder) for folder in folders)


def _size(folder: Path) -> int:
    """Bytes of all files below, as `du -b` counts them; what vanishes meanwhile counts as nothing."""
    total = 0
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            with contextlib.suppress(OSError):
                total += entry.stat(follow_symlinks=False).st_size
                if entry.is_dir(follow_symlinks=False):
                    total += _size(Path(entry.path))
    return total


def _delete(folder: Path) -> None:
    """All of it, also folders that the algorithm closed to their owner."""
    for parent, names, _ in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            if not path.is_symlink():
                path.chmod(stat.S_IRWXU)
    shutil.rmtree(folder, ignore_errors=True)
