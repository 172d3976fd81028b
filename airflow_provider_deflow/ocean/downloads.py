# SPDX-License-Identifier: Apache-2.0
"""A job's result in a file, whole: fetched on from where the connection broke, proven by its size.

A node's usual route resumes nothing: no length, no ranges, and an offset is ignored. Its command route
heeds an offset for `output`, but sends everything as text, so bytes that are not UTF-8 come as U+FFFD.
So what is fetched on is taken only when it joins what is there, has no U+FFFD, and ends at the size
that the node lists; else the result is fetched from its start, and not resumed again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

import requests

from airflow_provider_deflow.errors import (
    IncompleteDownload,
    JobVanished,
    MissingOutput,
    OceanNodeBusy,
    OceanNodeUnreachable,
    RequestRejected,
)
from airflow_provider_deflow.ocean import routes
from airflow_provider_deflow.ocean.compute import ComputeJob, JobResult

# What is asked for again and compared, so that a reply from another place is noticed.
_SEAM_BYTES = 4096
_REPLACED = "\ufffd".encode()
_INSIDE_LETTER = bytes(range(0x80, 0xC0))
# Attempts in a row that bring nothing new, and all of them.
_FRUITLESS_ATTEMPTS = 4
_MOST_ATTEMPTS = 100


@dataclass(frozen=True, slots=True)
class Download:
    size: int
    sha256: str


class Node(Protocol):
    """What a download asks of an Ocean Node."""

    url: str

    def status(self, job_id: str) -> ComputeJob | None: ...

    def stream(self, route: routes.Route[None]) -> AbstractContextManager[Iterator[bytes]]: ...


def fetch(
    node: Node, job: ComputeJob, result_type: str, write_to: BinaryIO, wait: Callable[[int], None]
) -> Download:
    """Write one result of `job` to `write_to`, from where that stands.

    `wait` is called with the number of fruitless attempts before the next one. Raises `JobVanished`,
    `MissingOutput`, `IncompleteDownload` when it stays incomplete, and why when nothing came at all.
    """
    there = _Received(write_to)
    most = fruitless = 0
    may_resume = result_type == "output"
    away: OceanNodeBusy | OceanNodeUnreachable | None = None
    for _ in range(_MOST_ATTEMPTS):
        try:
            # Indexes count the files that exist at the moment, so an older listing may name another file.
            found = _listed(node, job, result_type)
            if not may_resume or there.size > found.size:
                there.clear()
            may_resume = _receive(node, job, found, there) and may_resume
        except (OceanNodeBusy, OceanNodeUnreachable) as error:
            # It may be starting again; what is there is kept.
            away = error
            fruitless += 1
        else:
            if there.size == found.size:
                return Download(there.size, there.digest.hexdigest())
            fruitless = 0 if most < there.size < found.size else fruitless + 1
            most = max(most, min(there.size, found.size))
        if fruitless == _FRUITLESS_ATTEMPTS:
            break
        wait(fruitless)
    if away is not None and most == 0:
        raise away
    got = f"more than {found.size}" if there.size > found.size else f"{there.size} of {found.size}"
    raise IncompleteDownload(
        f"{result_type} of job {job.job_id} on {node.url} came with {got} bytes — it is fetched anew"
    )


def fetch_asset(
    node: Node, route: routes.Route[None], write_to: BinaryIO, wait: Callable[[int], None]
) -> Download:
    """Write a file of an access service to `write_to`; one that is cut is fetched from its start again.

    Its host tells how long it is, or nobody does. Raises `IncompleteDownload` when it stays cut.
    """
    there = _Received(write_to)
    for attempt in range(_FRUITLESS_ATTEMPTS):
        if attempt:
            there.clear()
            wait(attempt)
        try:
            with node.stream(route) as chunks:
                for chunk in chunks:
                    there.add(chunk)
            return Download(there.size, there.digest.hexdigest())
        except requests.RequestException:
            continue
    raise IncompleteDownload(
        f"{route.name} on {node.url} broke off each time — its host, or the way to it, fails; try again"
    )


class _Received:
    """What is in the file so far, and its hash."""

    def __init__(self, write_to: BinaryIO) -> None:
        self._file = write_to
        self._start = write_to.tell()
        self.clear()

    def clear(self) -> None:
        self._file.seek(self._start)
        self._file.truncate()
        self.size = 0
        self.digest = hashlib.sha256()
        self.tail = b""

    def add(self, chunk: bytes) -> None:
        self._file.write(chunk)
        self.size += len(chunk)
        self.digest.update(chunk)
        self.tail = (self.tail + chunk)[-_SEAM_BYTES:]


def _receive(node: Node, job: ComputeJob, found: JobResult, there: _Received) -> bool:
    """Add what comes; False when the result cannot be resumed on this node, and must begin anew."""
    # From the beginning of a letter, or the seam itself would come replaced.
    seam = there.tail.lstrip(_INSIDE_LETTER)
    if not seam:
        there.clear()
        route = routes.result(job.job_id, found.index)
    else:
        route = routes.result_from(job.job_id, found.index, there.size - len(seam))
    try:
        with node.stream(route) as chunks:
            for chunk in _after_seam(chunks, seam) if seam else chunks:
                there.add(chunk)
                if there.size > found.size:
                    return False
    except _DoesNotFit:
        return False
    except (OceanNodeBusy, OceanNodeUnreachable, RequestRejected):
        if not seam:
            raise
        return False
    except requests.RequestException:
        pass  # told by the size
    return True


class _DoesNotFit(Exception):
    """The reply is no continuation of what is there."""


def _after_seam(chunks: Iterator[bytes], seam: bytes) -> Iterator[bytes]:
    """What comes behind `seam`, which the reply must begin with; raises `_DoesNotFit`."""
    begin = b""
    last = seam[-2:]
    for chunk in chunks:
        if len(begin) < len(seam):
            begin += chunk
            if begin[: len(seam)] != seam[: len(begin)]:
                raise _DoesNotFit
            chunk = begin[len(seam) :]
        if _REPLACED in last + chunk:
            raise _DoesNotFit
        last = (last + chunk)[-2:]
        if chunk:
            yield chunk
    if len(begin) < len(seam):
        raise _DoesNotFit


def _listed(node: Node, job: ComputeJob, result_type: str) -> JobResult:
    fresh = job_now(node, job)
    found = fresh.result(result_type)
    if found is None:
        there = ", ".join(result.type for result in fresh.results) or "none"
        raise MissingOutput(
            f"job {job.job_id} on {node.url} has no result {result_type!r} — it has {there}; "
            f"{fresh.ended_because}"
        )
    return found


def job_now(node: Node, job: ComputeJob) -> ComputeJob:
    """`job` as it is now. Raises `JobVanished`."""
    fresh = node.status(job.job_id)
    if fresh is None:
        raise JobVanished(
            f"job {job.job_id} is not on {node.url} any more — it expired, or its environment was "
            "reconfigured; run its node again"
        )
    return fresh
