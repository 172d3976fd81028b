# SPDX-License-Identifier: Apache-2.0
"""One watch per Ocean Node: all jobs followed by one event loop share one request per interval.

Connections to one Ocean Node that say different intervals or limits have a watch each; its allowance they
share, as all processes of a host do.

A single followed job is asked for by its id, which tells every change of state. Several are asked
for together: the `jobs` listing of what ended since the watch began (its size does not grow with
the wallets' history), and at every `FULL_LISTING_EVERY`th look the whole listing, which also shows
jobs that are under way and jobs that vanished.

A watch lives as long as somebody follows a job on it. It decides nothing: it hands
on what it saw, a job that is not there any more as `None`, a look that failed as its error.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks import ocean_node

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from airflow_provider_deflow.hooks.ocean_node import OceanNodeSettings
    from airflow_provider_deflow.ocean.compute import ComputeJob

FULL_LISTING_EVERY = 6
# Its clock may be behind ours: look back so far for jobs that ended.
CLOCK_SLACK_SECONDS = 300.0


@dataclass(slots=True)
class _Follower:
    job_id: str
    owner: str
    since: float
    seen: asyncio.Queue[ComputeJob | errors.OceanNodeError | None] = field(default_factory=asyncio.Queue)

    def show(self, look: ComputeJob | errors.OceanNodeError | None) -> None:
        """Only the newest look counts for one who was busy meanwhile."""
        while not self.seen.empty():
            self.seen.get_nowait()
        self.seen.put_nowait(look)


class Watch:
    """Looks at the followed jobs of one Ocean Node, once per interval."""

    _of_loops: dict[tuple[int, OceanNodeSettings], Watch] = {}  # noqa: RUF012 - the registry is meant to be shared

    def __init__(self, settings: OceanNodeSettings) -> None:
        self._settings = settings
        self._node = ocean_node.async_client(settings)  # looking needs no signature
        self._followers: list[_Follower] = []
        self._looks = 0
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, settings: OceanNodeSettings) -> Watch:
        """The running loop's watch with these `settings`: connections that say the same share one."""
        key = (id(asyncio.get_running_loop()), settings)
        if key not in cls._of_loops:
            cls._of_loops[key] = cls(settings)
        return cls._of_loops[key]

    async def follow(
        self, job_id: str, owner: str
    ) -> AsyncGenerator[ComputeJob | errors.OceanNodeError | None, None]:
        """What each look showed of one job, endlessly; end it by closing the iterator."""
        follower = _Follower(job_id, owner, since=time.time() - CLOCK_SLACK_SECONDS)
        self._followers.append(follower)
        if self._task is None:
            self._task = asyncio.create_task(self._look_repeatedly(), name=f"watch {self._settings.url}")
        try:
            while True:
                yield await follower.seen.get()
        finally:
            self._followers.remove(follower)
            if not self._followers:
                await self._end()

    async def _end(self) -> None:
        self._of_loops.pop((id(asyncio.get_running_loop()), self._settings), None)
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        await self._node.aclose()

    async def _look_repeatedly(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(self._settings.poll_interval_seconds)

    async def _look(self) -> None:
        followers = list(self._followers)
        self._looks += 1
        try:
            if len(followers) == 1:
                only = followers[0]
                only.show(await self._node.status(only.job_id))
                return
            whole = self._looks % FULL_LISTING_EVERY == 0
            since = None if whole else min(follower.since for follower in followers)
            owners = sorted({follower.owner for follower in followers})
            jobs = {job.job_id: job for job in await self._node.jobs(owners, finished_since=since)}
        except Exception as error:  # whatever it is, the next look may succeed, and deadlines must be kept
            told = error if isinstance(error, errors.OceanNodeError) else _unforeseen(error)
            for follower in followers:
                follower.show(told)
            return
        for follower in followers:
            if whole or follower.job_id in jobs:
                follower.show(jobs.get(follower.job_id))


def _unforeseen(error: Exception) -> errors.OceanNodeError:
    return errors.OceanNodeError(f"a look failed: {type(error).__name__}: {error}")
