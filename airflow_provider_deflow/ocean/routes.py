# SPDX-License-Identifier: Apache-2.0
"""A request to an Ocean Node as a value: what is sent, who signs it, and how the answer is read.

Pure: a route is a value, `signed` adds a signature to it, and its `read` turns the answer's JSON into
ours. The clients add nothing but the wire, so that what is true of one is true of both. Here are what a
route is and the routes of jobs under way; the others are in the modules whose names end in `_routes`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Generic, TypeVar

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.ocean import fields
from airflow_provider_deflow.ocean.compute import ComputeEnvironment, ComputeJob
from airflow_provider_deflow.signing import Signer, checksum_address, keccak

T = TypeVar("T")

SERVICES = "/api/services"
DIRECT_COMMAND = "/directCommand"

# Commands that make a job: a lost answer to one may hide a job, and money that it locked.
_STARTS = frozenset({"freeStartCompute", "startCompute"})


@dataclass(frozen=True, slots=True)
class Route(Generic[T]):
    """One request. `command` is what is signed, None for a route without signature.

    `is_repeatable`: sending it twice does no more than once. `address_field` and `signs_body` say
    where the signature goes. The body is JSON (`body`), bytes (`content`), or with `has_file` a stream
    that the client adds. `signed_suffix` is signed after the command. `reads_text`: the answer is text.
    `answers_late`: not even the headers come before there is something to say, so silence is no failure.
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
    content: bytes | None = None
    signed_suffix: str = ""
    reads_text: bool = False
    answers_late: bool = False
    token: str | None = field(default=None, repr=False)

    @property
    def starts_a_job(self) -> bool:
        return self.command in _STARTS

    def message(self, address: str, nonce: int) -> bytes:
        """The 32 bytes that `address` signs for this request."""
        return request_message(address, nonce, f"{self.command}{self.signed_suffix}")

    def can_be_signed(self, address: str, nonce: int) -> bool:
        """Whether the node will find our signature with this nonce good.

        It drops the zero bytes that a message begins with before it looks who signed, and so refuses
        one good signature in 256: "consumer address and nonce signature mismatch".
        """
        return self.message(address, nonce)[0] != 0


def request_message(address: str, nonce: int | str, command: str) -> bytes:
    """The 32 bytes that are signed for a command."""
    return keccak(f"{address}{nonce}{command}".encode())


def signed(route: Route[T], signer: Signer, nonce: int) -> Route[T]:
    """`route` in the name of `signer`."""
    signature = signer.sign_message(route.message(signer.address, nonce))
    return _with(route, {route.address_field: signer.address, "nonce": str(nonce), "signature": signature})


def authorized(route: Route[T], address: str, token: str) -> Route[T]:
    """`route` in the name of `address`, by a token."""
    if route.path == DIRECT_COMMAND:
        # Only the body is looked at there.
        return _with(route, {route.address_field: address, "authorization": token})
    return replace(_with(route, {route.address_field: address}), token=token)


def _with(route: Route[T], values: Mapping[str, str]) -> Route[T]:
    if route.signs_body:
        return replace(route, body={**(route.body or {}), **values})
    return replace(route, query={**route.query, **values})


def environments(chain_id: int | None = None) -> Route[list[ComputeEnvironment]]:
    """With `chain_id` only those with fees on that chain; a free one without fees is then left out."""

    def read(reply: Any) -> list[ComputeEnvironment]:
        return [ComputeEnvironment.from_reply(item) for item in fields.as_list(reply, "the environments")]

    query = {} if chain_id is None else {"chainId": str(chain_id)}
    return get("environments", f"{SERVICES}/computeEnvironments", read, query)


def status(job_id: str) -> Route[ComputeJob | None]:
    job_id = _with_prefix(job_id)
    return get("job status", f"{SERVICES}/compute", lambda reply: _job(reply, job_id), {"jobId": job_id})


def metrics(job_id: str) -> Route[dict[str, Any] | None]:
    """What a running job uses now, for its owner; None where the node does not measure, see `versions`."""
    job_id = _with_prefix(job_id)

    def read(reply: Any) -> dict[str, Any] | None:
        found = _record(reply, job_id)
        measured = found and found.get("runtimeMetrics")
        return dict(measured) if isinstance(measured, Mapping) else None

    query = {"jobId": job_id, "includeMetrics": "true"}
    return get("metrics of a job", f"{SERVICES}/compute", read, query, "getComputeStatus")


def jobs_of(address: str) -> Route[list[ComputeJob]]:
    return get(
        "jobs of a wallet", f"{SERVICES}/compute", read_jobs, {"consumerAddress": checksum_address(address)}
    )


def jobs(addresses: Iterable[str], finished_since: float | None) -> Route[list[ComputeJob]]:
    """With `finished_since`, epoch seconds, only jobs that ended since: those under way are not listed."""
    body: dict[str, Any] = {"command": "jobs", "consumerAddrs": [checksum_address(a) for a in addresses]}
    if finished_since is not None:
        # Compared as text with texts like "1795294506.204", so whole seconds, and a text.
        body["fromTimestamp"] = str(math.floor(finished_since))
    return command(body, read_jobs)


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


def result_from(job_id: str, index: int, offset: int) -> Route[None]:
    """A result from byte `offset`, which nodes heed for the type `output` only, and only this way.

    As text: a node of 3.2 and of the next major writes what is not UTF-8 as U+FFFD here.
    """
    body = {
        "command": "getComputeResult",
        "jobId": _with_prefix(job_id),
        "index": index,
        "offset": offset,
    }
    route = command(body, nothing)
    return replace(route, name="rest of a job result", command="getComputeResult", signs_body=True)


def live_logs(job_id: str) -> Route[None]:
    query = {"jobId": _with_prefix(job_id)}
    path = f"{SERVICES}/computeStreamableLogs"
    return replace(get("live logs", path, nothing, query, "getComputeStreamableLogs"), answers_late=True)


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


def command(body: Mapping[str, Any], read: Callable[[Any], T]) -> Route[T]:
    """A command in a JSON body, as peers send it to each other; here unsigned."""
    return Route(str(body["command"]), "POST", DIRECT_COMMAND, read, body=body, is_repeatable=True)


def an_object(reply: Any) -> fields.Reply:
    return fields.as_object(reply, "the reply")


def nothing(_: Any) -> None:
    return None


def read_jobs(reply: Any) -> list[ComputeJob]:
    return [ComputeJob.from_reply(item) for item in fields.as_list(reply, "the jobs")]


def _job(reply: Any, job_id: str) -> ComputeJob | None:
    found = _record(reply, job_id)
    return None if found is None else ComputeJob.from_reply(found)


def _record(reply: Any, job_id: str) -> fields.Reply | None:
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
    return found[0] if found else None


def _with_prefix(job_id: str) -> str:
    if "-" not in job_id:
        raise SettingsError(
            f"{job_id!r} is not a whole job id — it must begin with the cluster's hash and '-'"
        )
    return job_id
