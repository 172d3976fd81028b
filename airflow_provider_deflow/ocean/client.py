# SPDX-License-Identifier: Apache-2.0
"""An Ocean Node to talk to: one line per route.

`OceanNode` is for a worker, which may wait; `AsyncOceanNode` for a triggerer, which may not. Requests and
replies are in `routes` and the modules ending in `_routes`, what both clients share in `exchange`. Here
are methods for what is asked often or needs more than one request; `ask` takes any other route.

    node = OceanNode("https://node.example:8001", KeySigner(key), state_folder=folder)
    job = node.start_free(JobRequest(environment=..., algorithm=...))
    job = node.status(job.job_id)
    ddo = node.ask(asset_routes.ddo("did:op:…"))
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, BinaryIO, Self, TypeVar

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import NonceRejected
from airflow_provider_deflow.ocean import (
    asset_routes,
    bucket_routes,
    downloads,
    escrow_routes,
    exchange,
    file_routes,
    log_following,
    logs,
    routes,
    start_routes,
    token_routes,
    versions,
)
from airflow_provider_deflow.ocean.access import AccessList
from airflow_provider_deflow.ocean.async_client import AsyncOceanNode
from airflow_provider_deflow.ocean.bucket_routes import Bucket, BucketFile
from airflow_provider_deflow.ocean.compute import ComputeEnvironment, ComputeJob, JobRequest
from airflow_provider_deflow.ocean.connection import Connection, Observer
from airflow_provider_deflow.ocean.downloads import Download
from airflow_provider_deflow.ocean.file_routes import FileInfo
from airflow_provider_deflow.ocean.logs import LogLine
from airflow_provider_deflow.ocean.payments import Payment, Quote
from airflow_provider_deflow.ocean.routes import Route
from airflow_provider_deflow.ocean.shared_state import SharedState
from airflow_provider_deflow.ocean.versions import NodeVersion
from airflow_provider_deflow.signing import Signer

__all__ = [
    "AsyncOceanNode",
    "Bucket",
    "BucketFile",
    "Download",
    "FileInfo",
    "LogLine",
    "OceanNode",
]

T = TypeVar("T")

_log = logging.getLogger(__name__)

_MAX_LOG_CHARACTERS = 4 << 20


def _at_once() -> None:
    """What most starts need before they are sent."""


class OceanNode:
    """One Ocean Node, asked by one wallet. Not for several threads at once.

    A `token` stands in for signatures and nonces. It is weak, see `token_routes`: on version 3.2 it opens
    every wallet's jobs on that node to whoever holds it. `observe` is told of each request as it ends, with
    its error if it has one.
    """

    def __init__(
        self,
        url: str,
        signer: Signer | None = None,
        *,
        state_folder: Path | None = None,
        requests_per_minute: int = 30,
        timeout_seconds: float = http.READ_TIMEOUT_SECONDS,
        token: str | None = None,
        observe: Observer | None = None,
    ) -> None:
        self.url = exchange.base_url(url)
        self.signer = signer
        self._version: NodeVersion | None = None
        self._connection = Connection(
            self.url,
            signer,
            token,
            SharedState(state_folder),
            requests_per_minute=requests_per_minute,
            timeout_seconds=timeout_seconds,
            observe=observe,
        )

    def __repr__(self) -> str:
        return f"OceanNode({self.url})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def ask(self, route: Route[T]) -> T:
        """The answer to any route."""
        return self._connection.ask(route)

    def stream(
        self, route: Route[None], read_timeout_seconds: float | None = None
    ) -> AbstractContextManager[Iterator[bytes]]:
        """The bytes of an answer as they come."""
        return self._connection.open(route, read_timeout_seconds)

    def probe(self) -> NodeVersion:
        """Which version it is, asked once; one that DeFlow does not know is logged."""
        if self._version is None:
            self._version = self.ask(versions.probe())
            if self._version.remark:
                _log.warning("%s: %s", self.url, self._version.remark)
        return self._version

    def version(self) -> str:
        return self.probe().text

    def public_key(self) -> bytes:
        """What is sealed for the node is sealed for this key, see `remote_output`."""
        return self.ask(versions.public_key())

    def environments(self, chain_id: int | None = None) -> list[ComputeEnvironment]:
        """With `chain_id` only those with fees on that chain; a free one without fees is then left out."""
        return self.ask(routes.environments(chain_id))

    def access_lists(self, address: str) -> list[AccessList]:
        """The access lists that `address` is on, as far as the node has indexed them."""
        return self.ask(escrow_routes.access_lists_of(address))

    def start_free(self, request: JobRequest, before_send: Callable[[], None] = _at_once) -> ComputeJob:
        """Never sent twice: `OceanNodeUnreachable.may_have_arrived` says that a job may exist.

        `before_send` is called when all waiting (allowance, nonce) is over and the bytes leave next.
        """
        return self._start(start_routes.start_free(request, self._address("start a free job")), before_send)

    def quote(self, request: JobRequest, payment: Payment) -> Quote:
        """What a paid start would lock, and what must be ordered before. Binds nobody."""
        return self.ask(start_routes.quote(request, self._address("quote"), payment))

    def start_paid(
        self, request: JobRequest, payment: Payment, before_send: Callable[[], None] = _at_once
    ) -> ComputeJob:
        """As `start_free`. The node locks the quoted amount before it answers, and may refuse after that."""
        address = self._address("start a paid job")
        return self._start(start_routes.start_paid(request, address, payment), before_send)

    def status(self, job_id: str) -> ComputeJob | None:
        """None: the node no longer knows the job, it expired."""
        return self.ask(routes.status(job_id))

    def jobs_of(self, address: str) -> list[ComputeJob]:
        return self.ask(routes.jobs_of(address))

    def jobs(self, addresses: Iterable[str], finished_since: float | None = None) -> list[ComputeJob]:
        """Without their results. With `finished_since` (epoch seconds) only those that ended since."""
        return self.ask(routes.jobs(addresses, finished_since))

    def stop(self, job_id: str) -> ComputeJob | None:
        """The job as it was when the node took the request; None when it is gone or another wallet's."""
        return self.ask(routes.stop(job_id))

    def metrics(self, job_id: str) -> dict[str, Any] | None:
        """What the running job uses now; None on a version that does not measure."""
        return self.ask(routes.metrics(job_id)) if self.probe().measures_jobs else None

    def create_token(self, valid_for_seconds: float | None) -> str:
        """In place of signatures, for this node only; None: for ever. Weak on 3.2, see `token_routes`."""
        until = None if valid_for_seconds is None else int((time.time() + valid_for_seconds) * 1000)
        usual, other = self.probe().token_suffixes()
        try:
            return self.ask(token_routes.create_token(until, usual))
        except NonceRejected:
            if usual == other:
                raise
            return self.ask(token_routes.create_token(until, other))

    def invalidate_token(self, token: str) -> None:
        """The node says yes to any: to one it never made, and to anybody who has it."""
        self.ask(token_routes.invalidate_token(token))

    def nonce(self, address: str) -> int:
        return self.ask(token_routes.nonce(address))

    def encrypt(self, content: bytes) -> str:
        """`content` so that only this node can read it, as a DDO's `files` are."""
        return self.ask(file_routes.encrypt(content))

    def buckets(self, owner: str) -> list[Bucket]:
        return self.ask(bucket_routes.buckets(owner))

    def create_bucket(self, label: str, access_lists: Iterable[Mapping[str, Any]] = ()) -> Bucket:
        return self.ask(bucket_routes.create_bucket(label, access_lists))

    def label_bucket(self, bucket_id: str, label: str) -> None:
        self.ask(bucket_routes.label_bucket(bucket_id, label))

    def upload(self, bucket_id: str, name: str, stream: BinaryIO) -> BucketFile:
        """`stream` must be seekable: it is sent from where it stands, and again after a refused nonce."""
        return self._connection.ask(bucket_routes.upload(bucket_id, name), stream)

    def bucket_files(self, bucket_id: str) -> list[BucketFile]:
        return self.ask(bucket_routes.bucket_files(bucket_id))

    def file_object(self, bucket_id: str, name: str) -> dict[str, Any]:
        """What a job's dataset names the file by."""
        return self.ask(bucket_routes.file_object(bucket_id, name))

    def delete_bucket_file(self, bucket_id: str, name: str) -> None:
        self.ask(bucket_routes.delete_bucket_file(bucket_id, name))

    def file_info(self, file_object: Mapping[str, Any]) -> FileInfo:
        address = self.signer.address if self.signer else None
        return self.ask(file_routes.file_info(file_object, address))

    def download(self, job: ComputeJob, result_type: str, write_to: BinaryIO) -> Download:
        """Write one result of `job` to `write_to`, from where that stands, and check its size.

        One that is cut is fetched on where the node can, else anew. Raises `JobVanished`, `MissingOutput`,
        and `IncompleteDownload` when it stays incomplete.
        """
        return downloads.fetch(self, job, result_type, write_to, _pause)

    def download_asset(
        self, did: str, service_id: str, file_index: int, order: str, write_to: BinaryIO
    ) -> Download:
        """Write a file of an access service, ordered by the transaction `order`, to `write_to`."""
        route = asset_routes.download(did, service_id, file_index, order)
        return downloads.fetch_asset(self, route, write_to, _pause)

    def logs(self, job: ComputeJob, result_type: str = "algorithmLog") -> list[LogLine]:
        """The end of a log (up to 4 million characters); empty when the job has not written it."""
        if not job.is_over or job.result(result_type) is None:
            job = downloads.job_now(self, job)
        if result_type == "algorithmLog":
            job = log_following.with_log(self, job, _pause)
        found = job.result(result_type)
        if found is None or found.size == 0:
            return []
        with self.stream(routes.result(job.job_id, found.index)) as chunks:
            return logs.last_lines(logs.lines_of(chunks), _MAX_LOG_CHARACTERS)

    def follow_logs(self, job: ComputeJob, poll_interval_seconds: float = 10.0) -> Iterator[LogLine]:
        """Each line of the algorithm once, from the first, until the job is over; through cuts and waits."""
        return log_following.follow(self, job, poll_interval_seconds)

    def _start(self, route: Route[ComputeJob], before_send: Callable[[], None]) -> ComputeJob:
        # A kept connection that the node has just closed would leave it open whether the start arrived.
        self._connection.close()
        return self._connection.ask(route, before_send=before_send)

    def _address(self, what: str) -> str:
        if self.signer is None:
            raise exchange.no_signer(what, self.url)
        return self.signer.address


def _pause(attempt: int) -> None:
    time.sleep(exchange.pause_seconds(attempt))
