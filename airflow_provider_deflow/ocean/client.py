# SPDX-License-Identifier: Apache-2.0
"""An Ocean Node to talk to: one line per route.

`OceanNode` is for a worker, which may wait; `AsyncOceanNode` for a triggerer, which may not, with
the few routes that a trigger needs. Requests and replies are in `routes`, what both clients share
in `exchange`.

    node = OceanNode("https://node.example:8001", KeySigner(key), state_folder=folder)
    job = node.start_free(JobRequest(environment=..., algorithm=...))
    job = node.status(job.job_id)
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

import requests
import tenacity

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import (
    IncompleteDownload,
    JobVanished,
    MissingOutput,
    RequestRejected,
)
from airflow_provider_deflow.ocean import bucket_routes, exchange, logs, routes
from airflow_provider_deflow.ocean.async_client import AsyncOceanNode
from airflow_provider_deflow.ocean.bucket_routes import Bucket, BucketFile
from airflow_provider_deflow.ocean.compute import ComputeEnvironment, ComputeJob, JobRequest, JobResult
from airflow_provider_deflow.ocean.connection import Connection
from airflow_provider_deflow.ocean.environments import AccessList
from airflow_provider_deflow.ocean.logs import LogLine
from airflow_provider_deflow.ocean.routes import FileInfo
from airflow_provider_deflow.ocean.shared_state import SharedState
from airflow_provider_deflow.signing import Signer

__all__ = ["AsyncOceanNode", "Bucket", "BucketFile", "Download", "FileInfo", "LogLine", "OceanNode"]

_MAX_LOG_CHARACTERS = 4 << 20


@dataclass(frozen=True, slots=True)
class Download:
    size: int
    sha256: str


class OceanNode:
    """One Ocean Node, asked by one wallet. Not for several threads at once."""

    def __init__(
        self,
        url: str,
        signer: Signer | None = None,
        *,
        state_folder: Path | None = None,
        requests_per_minute: int = 30,
        timeout_seconds: float = http.READ_TIMEOUT_SECONDS,
        token: str | None = None,
    ) -> None:
        self.url = exchange.base_url(url)
        self.signer = signer
        self._connection = Connection(
            self.url,
            signer,
            token,
            SharedState(state_folder),
            requests_per_minute=requests_per_minute,
            timeout_seconds=timeout_seconds,
        )

    def __repr__(self) -> str:
        return f"OceanNode({self.url})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def version(self) -> str:
        return self._connection.ask(routes.version())

    def status_command(self) -> dict[str, Any]:
        return self._connection.ask(routes.status_command())

    def environments(self) -> list[ComputeEnvironment]:
        return self._connection.ask(routes.environments())

    def access_lists(self, address: str) -> list[AccessList]:
        """The access lists that `address` is on, as far as the node has indexed them."""
        return self._connection.ask(routes.access_lists(address))

    def start_free(self, request: JobRequest, before_send: Callable[[], None] = lambda: None) -> ComputeJob:
        """Never sent twice: `OceanNodeUnreachable.may_have_arrived` says that a job may exist.

        `before_send` is called when all waiting (allowance, nonce) is over and the bytes leave next.
        """
        # A kept connection that the node has just closed would leave it open whether the start arrived.
        self._connection.close()
        if self.signer is None:
            raise exchange.no_signer("start a free job", self.url)
        return self._connection.ask(routes.start_free(request, self.signer.address), before_send=before_send)

    def status(self, job_id: str) -> ComputeJob | None:
        """None: the node no longer knows the job, it expired."""
        return self._connection.ask(routes.status(job_id))

    def jobs_of(self, address: str) -> list[ComputeJob]:
        return self._connection.ask(routes.jobs_of(address))

    def jobs(self, addresses: Iterable[str], finished_since: float | None = None) -> list[ComputeJob]:
        """Without their results. With `finished_since` (epoch seconds) only those that ended since."""
        return self._connection.ask(routes.jobs(addresses, finished_since))

    def stop(self, job_id: str) -> ComputeJob | None:
        """The job as it was when the node took the request; None when it is gone or another wallet's."""
        return self._connection.ask(routes.stop(job_id))

    def create_token(self, valid_for_seconds: float) -> str:
        """In place of signatures. Who has it may act as any wallet on this node: keep it close."""
        return self._connection.ask(routes.create_token(int((time.time() + valid_for_seconds) * 1000)))

    def invalidate_token(self, token: str) -> None:
        self._connection.ask(routes.invalidate_token(token))

    def nonce(self, address: str) -> int:
        return self._connection.ask(routes.nonce(address))

    def buckets(self, owner: str) -> list[Bucket]:
        return self._connection.ask(bucket_routes.buckets(owner))

    def create_bucket(self, label: str, access_lists: Iterable[Mapping[str, Any]] = ()) -> Bucket:
        return self._connection.ask(bucket_routes.create_bucket(label, access_lists))

    def label_bucket(self, bucket_id: str, label: str) -> None:
        self._connection.ask(bucket_routes.label_bucket(bucket_id, label))

    def upload(self, bucket_id: str, name: str, stream: BinaryIO) -> BucketFile:
        """`stream` must be seekable: it is sent from where it stands, and again after a refused nonce."""
        return self._connection.ask(bucket_routes.upload(bucket_id, name), stream)

    def bucket_files(self, bucket_id: str) -> list[BucketFile]:
        return self._connection.ask(bucket_routes.bucket_files(bucket_id))

    def file_object(self, bucket_id: str, name: str) -> dict[str, Any]:
        """What a job's dataset names the file by."""
        return self._connection.ask(bucket_routes.file_object(bucket_id, name))

    def delete_bucket_file(self, bucket_id: str, name: str) -> None:
        self._connection.ask(bucket_routes.delete_bucket_file(bucket_id, name))

    def file_info(self, file_object: Mapping[str, Any]) -> FileInfo:
        return self._connection.ask(routes.file_info(file_object))

    def download(self, job: ComputeJob, result_type: str, write_to: BinaryIO) -> Download:
        """Write one result of `job` to `write_to`, from where that stands, and check its size.

        A node resumes nothing and checks nothing: what is short is fetched anew, from the start. Raises
        `JobVanished`, `MissingOutput`, and `IncompleteDownload` when it stays short.
        """
        start = write_to.tell()
        again = tenacity.Retrying(
            **exchange.repetition_while(lambda error: isinstance(error, IncompleteDownload))
        )
        return again(self._download_once, job, result_type, write_to, start)

    def logs(self, job: ComputeJob, result_type: str = "algorithmLog") -> list[LogLine]:
        """The end of a log (up to 4 million characters); empty when the job has not written it."""
        found = self._result(job, result_type)
        if found is None or found.size == 0:
            return []
        with self._connection.open(routes.result(job.job_id, found.index)) as chunks:
            return logs.last_lines(logs.lines_of(chunks), _MAX_LOG_CHARACTERS)

    def live_logs(self, job_id: str) -> Iterator[LogLine]:
        """Lines as the algorithm writes them, from its first; ends with it, or when it is silent for long.

        Empty before the algorithm starts and after it ended: then there is `logs`.
        """
        try:
            with self._connection.open(routes.live_logs(job_id)) as chunks:
                yield from logs.lines_of(chunks)
        except RequestRejected as error:
            if error.status != 404:
                raise

    def _download_once(self, job: ComputeJob, result_type: str, write_to: BinaryIO, start: int) -> Download:
        write_to.seek(start)
        write_to.truncate()
        # Indexes count the files that exist at the moment, so an older listing may name another file.
        fresh = self._fresh(job)
        found = fresh.result(result_type)
        if found is None:
            there = ", ".join(result.type for result in fresh.results) or "none"
            raise MissingOutput(
                f"job {job.job_id} on {self.url} has no result {result_type!r} — it has {there}; "
                f"{fresh.ended_because}"
            )
        digest = hashlib.sha256()
        size = 0
        try:
            with self._connection.open(routes.result(job.job_id, found.index)) as chunks:
                for chunk in chunks:
                    size += len(chunk)
                    if size > found.size:
                        break
                    digest.update(chunk)
                    write_to.write(chunk)
        except requests.RequestException:
            pass  # told by the size
        if size != found.size:
            got = f"more than {found.size}" if size > found.size else f"{size} of {found.size}"
            raise IncompleteDownload(
                f"{result_type} of job {job.job_id} on {self.url} came with {got} bytes — it is fetched anew"
            )
        return Download(size, digest.hexdigest())

    def _result(self, job: ComputeJob, result_type: str) -> JobResult | None:
        known = job if job.is_over and job.results_listed else self._fresh(job)
        return known.result(result_type)

    def _fresh(self, job: ComputeJob) -> ComputeJob:
        fresh = self.status(job.job_id)
        if fresh is None:
            raise JobVanished(
                f"job {job.job_id} is not on {self.url} any more — it expired, or its environment was "
                "reconfigured; run its node again"
            )
        return fresh
