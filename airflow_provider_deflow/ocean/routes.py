# SPDX-License-Identifier: Apache-2.0
"""Every route of an Ocean Node that DeFlow uses: what is sent, and how the answer is read.

Pure: a route is a value, `signed` adds a signature to it, and its `read` turns the answer's JSON into
ours. The clients in `client` add nothing but the wire, so that what is true of one is true of both.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.ocean import fields
from airflow_provider_deflow.ocean.compute import ComputeEnvironment, ComputeJob, JobRequest
from airflow_provider_deflow.ocean.environments import AccessList
from airflow_provider_deflow.signing import Signer, checksum_address, keccak

T = TypeVar("T")

SERVICES = "/api/services"


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """One request. `command` is what is signed, None for a route without signature.

    `is_repeatable`: sending it twice does no more than once. `address_field` and `signs_body` say
    where the signature goes. `has_file`: the body is a stream that the client adds.
    """

    name: str
    method: str
    path: str
    read: Callable[[Any], T]
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    command: str | None = None
    is_repeatable: bool = False
    signs_body: bool = False
    address_field: str = "consumerAddress"
    has_file: bool = False


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What a node sees behind a file object. Size 0 and no type is how it shows a dead URL."""

    name: str
    size: int | None
    content_type: str
    sha256: str


def request_message(address: str, nonce: int | str, command: str) -> bytes:
    """The 32 bytes that are signed for a command."""
    return keccak(f"{address}{nonce}{command}".encode())


def signed(route: Route[T], signer: Signer, nonce: int) -> Route[T]:
    """`route` in the name of `signer`."""
    message = request_message(signer.address, nonce, route.command or "")
    return _with(
        route,
        {
            route.address_field: signer.address,
            "nonce": str(nonce),
            "signature": signer.sign_message(message),
        },
    )


def authorized(route: Route[T], address: str) -> Route[T]:
    """`route` in the name of `address`, for a request that carries a token."""
    return _with(route, {route.address_field: address})


def _with(route: Route[T], values: Mapping[str, str]) -> Route[T]:
    if route.signs_body:
        return replace(route, body={**(route.body or {}), **values})
    return replace(route, query={**route.query, **values})


def version() -> Route[str]:
    return _command({"command": "status"}, lambda reply: fields.text(an_object(reply), "version"))


def status_command() -> Route[dict[str, Any]]:
    return _command({"command": "status"}, lambda reply: dict(an_object(reply)))


def environments() -> Route[list[ComputeEnvironment]]:
    def read(reply: Any) -> list[ComputeEnvironment]:
        return [ComputeEnvironment.from_reply(item) for item in fields.as_list(reply, "the environments")]

    return get("environments", f"{SERVICES}/computeEnvironments", read)


def access_lists(address: str) -> Route[list[AccessList]]:
    """Those that the node's own index shows `address` on; a node without an index refuses to say."""

    def read(reply: Any) -> list[AccessList]:
        items = [
            fields.as_object(item, "an access list") for item in fields.as_list(reply, "the access lists")
        ]
        return [AccessList(fields.integer(i, "chainId"), fields.text(i, "contractAddress")) for i in items]

    return get("access lists", f"{SERVICES}/accesslists", read, {"wallet": checksum_address(address)})


def start_free(request: JobRequest, address: str) -> Route[ComputeJob]:
    body: dict[str, Any] = {
        "environment": request.environment,
        "algorithm": request.algorithm,
        "datasets": list(request.datasets),
        "resources": [{"id": id_, "amount": amount} for id_, amount in request.resources.items()],
        "consumerAddress": checksum_address(request.consumer_address or address),
    }
    if request.max_duration_seconds is not None:
        body["maxJobDuration"] = request.max_duration_seconds
    if request.metadata:
        body["metadata"] = dict(request.metadata)
    if request.queue_max_wait_seconds:
        body["queueMaxWaitTime"] = request.queue_max_wait_seconds

    def read(reply: Any) -> ComputeJob:
        jobs = _jobs(reply)
        if len(jobs) != 1:
            raise fields.unexpected("a start must answer with one job", reply)
        return jobs[0]

    return Route(
        "start a free job",
        "POST",
        f"{SERVICES}/freeCompute",
        read,
        body=body,
        command="freeStartCompute",
        signs_body=True,
    )


def status(job_id: str) -> Route[ComputeJob | None]:
    job_id = _with_prefix(job_id)
    return get("job status", f"{SERVICES}/compute", lambda reply: _job(reply, job_id), {"jobId": job_id})


def jobs_of(address: str) -> Route[list[ComputeJob]]:
    return get(
        "jobs of a wallet", f"{SERVICES}/compute", _jobs, {"consumerAddress": checksum_address(address)}
    )


def jobs(addresses: Iterable[str], finished_since: float | None) -> Route[list[ComputeJob]]:
    """With `finished_since`, epoch seconds, only jobs that ended since: those under way are not listed."""
    body: dict[str, Any] = {"command": "jobs", "consumerAddrs": [checksum_address(a) for a in addresses]}
    if finished_since is not None:
        # Compared as text with texts like "1795294506.204", so whole seconds, and a text.
        body["fromTimestamp"] = str(math.floor(finished_since))
    return _command(body, _jobs)


def stop(job_id: str) -> Route[ComputeJob | None]:
    job_id = _with_prefix(job_id)
    return Route(
        "stop a job",
        "PUT",
        f"{SERVICES}/compute",
        lambda reply: _job(reply, job_id),
        query={"jobId": job_id},
        command="stopCompute",
        is_repeatable=True,
    )


def result(job_id: str, index: int) -> Route[None]:
    query = {"jobId": _with_prefix(job_id), "index": str(index)}
    return get("job result", f"{SERVICES}/computeResult", nothing, query, "getComputeResult")


def live_logs(job_id: str) -> Route[None]:
    query = {"jobId": _with_prefix(job_id)}
    return get("live logs", f"{SERVICES}/computeStreamableLogs", nothing, query, "getComputeStreamableLogs")


def nonce(address: str) -> Route[int]:
    def read(reply: Any) -> int:
        return int(fields.number(an_object(reply), "nonce", 0))

    return get("nonce", f"{SERVICES}/nonce", read, {"userAddress": checksum_address(address)})


def create_token(valid_until_ms: int) -> Route[str]:
    return Route(
        "create a token",
        "POST",
        f"{SERVICES}/auth/token",
        lambda reply: fields.text(an_object(reply), "token"),
        body={"validUntil": valid_until_ms},
        command="createAuthToken",
        signs_body=True,
        address_field="address",
    )


def invalidate_token(token: str) -> Route[None]:
    return Route(
        "invalidate a token",
        "POST",
        f"{SERVICES}/auth/token/invalidate",
        nothing,
        body={"token": token},
        command="invalidateAuthToken",
        signs_body=True,
        address_field="address",
    )


def file_info(file: Mapping[str, Any]) -> Route[FileInfo]:
    def read(reply: Any) -> FileInfo:
        found = fields.as_list(reply, "the file's description")
        if len(found) != 1:
            raise fields.unexpected("one file must be described", reply)
        described = an_object(found[0])
        size = described.get("contentLength")
        return FileInfo(
            name=str(described.get("name") or ""),
            size=int(fields.number(described, "contentLength", 0))
            if size not in (None, "", "unknown")
            else None,
            content_type=str(described.get("contentType") or ""),
            sha256=str(described.get("checksum") or ""),
        )

    return Route("file info", "POST", f"{SERVICES}/fileInfo", read, body=dict(file), is_repeatable=True)


def encoded(body: Mapping[str, Any]) -> bytes:
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


def get(
    name: str,
    path: str,
    read: Callable[[Any], T],
    query: Mapping[str, str] | None = None,
    command: str | None = None,
) -> Route[T]:
    return Route(name, "GET", path, read, query=query or {}, command=command, is_repeatable=True)


def _command(body: Mapping[str, Any], read: Callable[[Any], T]) -> Route[T]:
    return Route(str(body["command"]), "POST", "/directCommand", read, body=body, is_repeatable=True)


def an_object(reply: Any) -> fields.Reply:
    return fields.as_object(reply, "the reply")


def nothing(_: Any) -> None:
    return None


def _jobs(reply: Any) -> list[ComputeJob]:
    return [ComputeJob.from_reply(item) for item in fields.as_list(reply, "the jobs")]


def _job(reply: Any, job_id: str) -> ComputeJob | None:
    """The job that was asked for, or None when the node no longer has it.

    Never the first of a list: a node that does not understand an id lists the jobs of all its users.
    """
    bare = job_id.split("-", 1)[1]
    found = [
        item
        for item in fields.as_list(reply, "the job's status")
        if isinstance(item, Mapping) and str(item.get("jobId")).split("-", 1)[-1] == bare
    ]
    if reply and not found:
        raise fields.unexpected(f"the reply must hold job {job_id}", reply)
    return ComputeJob.from_reply(found[0]) if found else None


def _with_prefix(job_id: str) -> str:
    if "-" not in job_id:
        raise SettingsError(
            f"{job_id!r} is not a whole job id — it must begin with the cluster's hash and '-'"
        )
    return job_id
