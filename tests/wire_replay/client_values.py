# SPDX-License-Identifier: Apache-2.0
"""What the client must have read out of a recorded reply: for each route, its value against the JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from airflow_provider_deflow.ocean.bucket_routes import Bucket, BucketFile
from airflow_provider_deflow.ocean.compute import STATUS_TEXTS, ComputeEnvironment, ComputeJob
from airflow_provider_deflow.ocean.routes import FileInfo
from tests.wire_replay.recordings import Recording

Check = Callable[[Any, Any], None]


def _is_the_job(job: ComputeJob, told: Mapping[str, Any]) -> None:
    assert job.job_id == f"{told['environment'].split('-')[0]}-{told['jobId'].split('-')[-1]}"
    assert (job.owner, job.environment) == (told["owner"], told["environment"])
    assert (job.status, job.status_text) == (told["status"], STATUS_TEXTS[told["status"]])
    ending = told["terminationDetails"]
    assert (job.exit_code, job.oom_killed) == (ending["exitCode"], ending["OOMKilled"] is True)
    assert (job.is_free, job.stop_requested) == (told["isFree"], told["stopRequested"])
    assert _seconds(job.created) == float(told["dateCreated"])
    assert _seconds(job.finished) == (told["dateFinished"] and float(told["dateFinished"]))
    assert [(r.type, r.index, r.filename, r.size) for r in job.results] == [
        (r["type"], r["index"], r["filename"], r["filesize"]) for r in told["results"] or []
    ]
    assert job.metadata == (told["metadata"] or {})


def _seconds(moment: datetime | None) -> float | None:
    return moment and moment.timestamp()


def _is_one_job(job: ComputeJob | None, told: list[Mapping[str, Any]]) -> None:
    if not told:
        assert job is None
        return
    assert job is not None
    (wanted,) = (one for one in told if job.job_id.endswith(one["jobId"].split("-")[-1]))
    _is_the_job(job, wanted)


def _are_jobs(jobs: list[ComputeJob], told: list[Mapping[str, Any]]) -> None:
    for job, one in zip(jobs, told, strict=True):
        _is_the_job(job, one)


def _are_environments(found: list[ComputeEnvironment], told: list[Mapping[str, Any]]) -> None:
    assert [environment.id for environment in found] == [one["id"] for one in told]
    assert [environment.is_free for environment in found] == ["free" in one for one in told]


def _is_a_bucket(bucket: Bucket, told: Mapping[str, Any]) -> None:
    assert (bucket.bucket_id, bucket.owner, bucket.label, bucket.created_at) == (
        told["bucketId"],
        told["owner"],
        told["label"] or "",
        told.get("createdAt"),
    )


def _are_buckets(buckets: list[Bucket], told: list[Mapping[str, Any]]) -> None:
    for bucket, one in zip(buckets, told, strict=True):
        _is_a_bucket(bucket, one)


def _is_a_bucket_file(file: BucketFile, told: Mapping[str, Any]) -> None:
    assert (file.name, file.size) == (told["name"], told["size"])


def _are_bucket_files(files: list[BucketFile], told: list[Mapping[str, Any]]) -> None:
    for file, one in zip(files, told, strict=True):
        _is_a_bucket_file(file, one)


def _is_a_file(info: FileInfo, told: list[Mapping[str, Any]]) -> None:
    (one,) = told
    assert (info.size, info.content_type) == (int(one["contentLength"]), one["contentType"])
    assert (info.sha256, info.name) == (one["checksum"], one.get("name", ""))


def _is(expected: Callable[[Any], Any]) -> Check:
    def check(value: Any, told: Any) -> None:
        assert value == expected(told)

    return check


# By the name a route has in messages.
_CHECKS: dict[str, Check] = {
    "nonce": _is(lambda told: int(told["nonce"])),
    "create a token": _is(lambda told: told["token"]),
    "invalidate a token": _is(lambda told: None),
    "environments": _are_environments,
    "start a free job": _is_one_job,
    "job status": _is_one_job,
    "jobs of a wallet": _are_jobs,
    "jobs": _are_jobs,
    "stop a job": _is_one_job,
    "status": _is(lambda told: told["version"]),
    "file info": _is_a_file,
    "buckets": _are_buckets,
    "create a bucket": _is_a_bucket,
    "files of a bucket": _are_bucket_files,
    "upload": _is_a_bucket_file,
    "file object": _is(lambda told: told),
    "delete a file": _is(lambda told: None),
}


def check(recording: Recording, route_name: str, value: Any) -> None:
    """Raises for a value that is not what was told, and for a route without a rule."""
    assert route_name in _CHECKS, f"{recording}: no rule for what {route_name!r} gives"
    _CHECKS[route_name](value, recording.reply.get("json"))
