# SPDX-License-Identifier: Apache-2.0
"""Environments, status, lists, stop, results and live logs of compute jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow_provider_deflow.local_ocean_node import version4
from airflow_provider_deflow.local_ocean_node.commands.protocol import (
    Reply,
    Task,
    require,
    require_cluster,
    split_id,
)
from airflow_provider_deflow.local_ocean_node.commands.start import require_consumer
from airflow_provider_deflow.local_ocean_node.javascript import as_number, as_text
from airflow_provider_deflow.local_ocean_node.job import Job
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

_CHUNK_BYTES = 1 << 20
_MOST_SAFE_INTEGER = 2**53 - 1


async def environments(node: LocalOceanNode, task: Task) -> Reply:
    """With a chain id those that have fees on that chain."""
    return Reply.of(node.describe_environments(task.get("chainId")))


async def status(node: LocalOceanNode, task: Task) -> Reply:
    """An id without the cluster's hash filters nothing: all jobs of all users come back."""
    _require_address_if_given(task)
    owner, job_id, agreement = (task.get(name) for name in ("consumerAddress", "jobId", "agreementId"))
    if not (owner or job_id or agreement):
        raise Refusal(400, 'Missing one of ["jobId","consumerAddress","agreementId"]')
    bare = None
    if job_id and str(job_id).find("-") > 0:
        cluster_hash, bare = split_id(job_id)
        if cluster_hash != node.identity.cluster_hash:
            raise Refusal(500, f"C2D Engine not found by hash: {cluster_hash}")
    proven = node.is_version_4 and version4.may_see_metrics(node.auth, task)
    jobs = [] if agreement else _of_owner(node, owner or None, bare or None)
    return Reply.of(
        [
            job.status_reply(_results(node, job), with_metrics=proven and _may_see(node, job, owner))
            for job in jobs
        ]
    )


async def listing(node: LocalOceanNode, task: Task) -> Reply:
    since = task.get("fromTimestamp")
    if since and not isinstance(since, str):
        raise Refusal(400, 'Parameter : "fromTimestamp" is not a valid string')
    if since and node.is_version_4:
        since = version4.seconds_since(since)
    jobs = node.store.listed_jobs(
        _listed(task, "environments"),
        _listed(task, "consumerAddrs"),
        since or None,
        bool(task.get("runningJobs")),
    )
    return Reply.of([job.listing_reply(node.identity.cluster_hash) for job in jobs])


async def stop(node: LocalOceanNode, task: Task) -> Reply:
    """Notes the wish, whatever the status; the engine acts on it while the algorithm runs or is pulled."""
    require(task, "jobId")
    require_consumer(task)
    node.auth.check(task)
    job_id = require_cluster(node, task["jobId"])
    # Nothing behind the cluster's hash means all jobs of the owner, as on a real node.
    owner = task["consumerAddress"]
    jobs = [] if task.get("agreementId") else _of_owner(node, owner, job_id or None)
    stopped = [node.store.change_job(job.job_id, stop_requested=True) for job in jobs]
    return Reply.of([job.status_reply(None) for job in stopped])


async def result(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "jobId", "index")
    _require_address_if_given(task)
    index = task["index"]
    if not isinstance(index, (int, float)) or not index >= 0:
        raise Refusal(400, "Invalid result index")
    node.auth.check(task)
    job_id = require_cluster(node, task["jobId"])
    job = node.store.job(job_id)
    if job is None:
        raise Refusal(500, f"Cannot find job with id {job_id}")
    consumer = task.get("consumerAddress")
    if not _may_see(node, job, consumer):
        raise Refusal(
            500, f"{consumer or 'null'} is not authorized to get results for job with id {job.job_id}"
        )
    for found in _results(node, job):
        if found["index"] == index:
            path = node.job_folder(job.job_id).result_path(found)
            if found["type"] != "output":
                return Reply(_read(path, 0), "text/plain; charset=utf-8")
            return Reply(_read(path, _offset(task.get("offset"))), "application/octet-stream")
    return Reply(b"")


async def live_logs(node: LocalOceanNode, task: Task) -> Reply:
    """Of any job, for any signer."""
    require(task, "jobId")
    _require_address_if_given(task)
    node.auth.check(task)
    job = node.store.job(require_cluster(node, task["jobId"]))
    frames = node.engine.logs(job) if job else None
    if frames is None:
        raise Refusal(404, "Job not found or not running")
    return Reply(frames)


def _results(node: LocalOceanNode, job: Job) -> list[dict[str, Any]]:
    return node.job_folder(job.job_id).results(with_output=job.keeps_outputs_here)


def _of_owner(node: LocalOceanNode, owner: str | None, job_id: str | None) -> list[Job]:
    return node.store.jobs(job_id=job_id, owner=owner, any_case=node.is_version_4)


def _may_see(node: LocalOceanNode, job: Job, consumer: Any) -> bool:
    if node.is_version_4:
        # A job of before may be kept under another spelling.
        viewers = job.additional_viewers if isinstance(job.additional_viewers, list) else []
        return any(version4.same_address(one, consumer) for one in (job.owner, *viewers))
    return consumer == job.owner or _is_viewer(consumer, job.additional_viewers)


def _is_viewer(consumer: Any, viewers: Any) -> bool:
    """Viewers are not checked at the start: text holds whoever is written in it."""
    if not viewers:
        return False
    if not isinstance(viewers, (list, str)):
        raise Refusal(500, "jobs[0].additionalViewers.includes is not a function")
    return consumer in viewers


def _offset(value: Any) -> int:
    """What is not above nothing is nothing; the rest is as Node.js has it."""
    number = as_number(value)
    if not number > 0:
        return 0
    if not isinstance(value, (int, float)):
        raise Refusal(500, 'The "start" argument must be of type number.')
    if not number.is_integer():
        raise Refusal(
            500, f'The value of "start" is out of range. It must be an integer. Received {as_text(number)}'
        )
    if number > _MOST_SAFE_INTEGER:
        raise Refusal(
            500,
            f'The value of "start" is out of range. It must be >= 0 && <= {_MOST_SAFE_INTEGER}. '
            f"Received {as_text(number)}",
        )
    return int(number)


def _listed(task: Task, name: str) -> list[Any]:
    """What to filter by; what is no list filters nothing, but for text. A real node dies of an
    `environments` that is neither, when it then finds no job: that is not done here.
    """
    value = task.get(name)
    if isinstance(value, str) and value:
        raise Refusal(500, f"{name}.map is not a function")
    return value if isinstance(value, list) else []


def _require_address_if_given(task: Task) -> None:
    if task.get("consumerAddress"):
        require_consumer(task)


async def _read(path: Path, offset: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        file.seek(offset)
        while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
            yield chunk
