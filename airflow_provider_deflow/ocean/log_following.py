# SPDX-License-Identifier: Apache-2.0
"""An algorithm's log while it runs, to its end, each line once, however often the connection breaks.

A node begins with the container's first byte each time it is asked. What was given already is known by
its length and hash, per stream, so memory stays bounded; each time it comes again it is compared.
Frames cut the same bytes differently when they come again, so only bytes count, never frames or lines.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import requests

from airflow_provider_deflow.errors import OceanNodeBusy, OceanNodeUnreachable, RequestRejected
from airflow_provider_deflow.ocean import exchange, logs, routes
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.ocean.logs import LogLine, Stream

RUNNING = 40
# How long a node may be away, or too busy, before following it is given up.
PATIENCE_SECONDS = 600.0
# An algorithm may say nothing for long, and each new look costs the whole log again.
SILENCE_SECONDS = 120.0

# How often a log is looked for that is late.
MORE_LOOKS = 4


class Follower:
    """One log, read again and again from its beginning; gives what is new each time."""

    def __init__(self) -> None:
        self._given: dict[Stream, _Given] = {"stdout": _Given(), "stderr": _Given()}
        self._lines = logs.Lines()

    def feed(self, chunks: Iterable[bytes]) -> Iterator[LogLine]:
        """The lines in one reply that were not given before; one that it cut short comes with the next."""
        replays = {stream: given.replay() for stream, given in self._given.items()}
        for stream, piece in logs.pieces_of(chunks):
            replay = replays[stream]
            new = replay.new_of(piece)
            if replay.differs:
                replay.differs = False
                yield LogLine("stderr", f"… {stream} began differently than before: lines may be missing")
            yield from self._lines.feed(stream, new)

    def rest(self) -> Iterator[LogLine]:
        """The last lines, when they have no end."""
        return self._lines.rest()


class _Given:
    """How much of a stream was given, and its hash."""

    def __init__(self) -> None:
        self.size = 0
        self.digest = hashlib.sha256()

    def replay(self) -> _Replay:
        return _Replay(self)


class _Replay:
    """A stream that begins anew; `differs` when what came again is not what was given."""

    def __init__(self, given: _Given) -> None:
        self._given = given
        # From now, not from what another reply will have added.
        self._known_size = given.size
        self._known_sha256 = given.digest.digest()
        self._size = 0
        self._digest = hashlib.sha256()
        self.differs = False

    def new_of(self, piece: bytes) -> bytes:
        known = piece[: max(0, self._known_size - self._size)]
        new = piece[len(known) :]
        if known:
            self._size += len(known)
            self._digest.update(known)
            if self._size == self._known_size and self._digest.digest() != self._known_sha256:
                self.differs = True
                # Said once: from here on this is what was given.
                self._given.digest = self._digest.copy()
        self._given.size += len(new)
        self._given.digest.update(new)
        return new


class StatusTeller(Protocol):
    """What looking at a job asks of an Ocean Node."""

    def status(self, job_id: str) -> ComputeJob | None: ...


class Node(StatusTeller, Protocol):
    """What following asks of an Ocean Node."""

    def stream(
        self, route: routes.Route[None], read_timeout_seconds: float | None = None
    ) -> AbstractContextManager[Iterator[bytes]]: ...


def follow(
    node: Node, job: ComputeJob, poll_interval_seconds: float, wait: Callable[[float], None] = time.sleep
) -> Iterator[LogLine]:
    """Lines from the first one on, until the job is over and all of its log was given.

    Ends too when the node no longer knows the job. Raises what the client raises, `OceanNodeUnreachable`
    and `OceanNodeBusy` only after `PATIENCE_SECONDS` in which the node told nothing new.
    """
    follower = Follower()
    failing_since: float | None = None
    while True:
        try:
            current = node.status(job.job_id)
            if current is None:
                break
            if current.is_over:
                yield from _final(node, current, follower, wait)
                break
            failing_since = None
            if current.status == RUNNING:
                yield from _live(node, job.job_id, follower)
        except (OceanNodeBusy, OceanNodeUnreachable):
            failing_since = failing_since or time.monotonic()
            if time.monotonic() - failing_since > PATIENCE_SECONDS:
                raise
        wait(poll_interval_seconds)
    yield from follower.rest()


def _live(node: Node, job_id: str, follower: Follower) -> Iterator[LogLine]:
    try:
        with node.stream(routes.live_logs(job_id), SILENCE_SECONDS) as chunks:
            yield from follower.feed(chunks)
    except RequestRejected as error:
        # The container has not started yet, or has just ended.
        if error.status != 404:
            raise
    except OceanNodeUnreachable as error:
        # A node sends not even headers before the first byte: silence, and the status tells the rest.
        if not error.may_have_arrived:
            raise
    except requests.RequestException:
        pass  # cut: it begins anew


def with_log(node: StatusTeller, job: ComputeJob, wait: Callable[[int], None]) -> ComputeJob:
    """`job`, looked at again while it is over and its log is still to come; a log may never come.

    A node says first that a job is over, and then writes the log. `wait` is called with the number of
    looks in vain before the next one.
    """
    for looks in range(1, MORE_LOOKS + 1):
        is_due = job.is_over and job.results_listed and job.algo_started is not None
        if not is_due or job.result("algorithmLog") is not None:
            break
        wait(looks)
        job = node.status(job.job_id) or job
    return job


def _final(
    node: Node, job: ComputeJob, follower: Follower, wait: Callable[[float], None]
) -> Iterator[LogLine]:
    job = with_log(node, job, lambda looks: wait(exchange.pause_seconds(looks)))
    found = job.result("algorithmLog")
    if found is None or found.size == 0:
        return
    try:
        with node.stream(routes.result(job.job_id, found.index)) as chunks:
            yield from follower.feed(chunks)
    except requests.RequestException as error:
        raise OceanNodeUnreachable(f"the log of job {job.job_id} was cut — {type(error).__name__}") from None
