# SPDX-License-Identifier: Apache-2.0
"""What the client must have read out of a recorded reply: for each route, its value against the JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from airflow_provider_deflow.ocean.asset_routes import DdoState, Validation
from airflow_provider_deflow.ocean.bucket_routes import Bucket, BucketFile
from airflow_provider_deflow.ocean.compute import STATUS_TEXTS, ComputeEnvironment, ComputeJob
from airflow_provider_deflow.ocean.escrow_routes import EscrowEvent
from airflow_provider_deflow.ocean.file_routes import FileInfo
from airflow_provider_deflow.ocean.payments import AccessQuote, Quote
from airflow_provider_deflow.ocean.versions import NodeVersion
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
    """What a node tells of nothing is not taken."""
    (one,) = told
    size = int(one["contentLength"])
    assert (info.size, info.content_type) == (size or None, one["contentType"])
    assert (info.sha256, info.name) == (one["checksum"] if size else None, one.get("name", ""))


def _are_files(files: list[FileInfo], told: list[Mapping[str, Any]]) -> None:
    for info, one in zip(files, told, strict=True):
        _is_a_file(info, [one])


def _is_a_quote(quote: Quote, told: Mapping[str, Any]) -> None:
    payment = told["payment"]
    assert (quote.amount, quote.payee) == (int(payment["amount"]), payment["payee"])
    assert (quote.escrow, quote.min_lock_seconds) == (payment["escrowAddress"], payment["minLockSeconds"])
    assert (quote.payment.chain_id, quote.payment.token) == (payment["chainId"], payment["token"])
    assets = [told["algorithm"], *told["datasets"]]
    for asset, one in zip((quote.algorithm, *quote.datasets), assets, strict=True):
        assert (asset.did, asset.datatoken) == (one.get("did", ""), one.get("datatoken", ""))
        assert asset.needs_order == ("providerFee" in one)


def _is_an_access_quote(quote: AccessQuote, told: Mapping[str, Any]) -> None:
    fee = quote.provider_fee
    assert (quote.datatoken, fee.address) == (told["datatoken"], told["providerFee"]["providerFeeAddress"])
    assert (fee.r, fee.valid_until) == (told["providerFee"]["r"], told["providerFee"]["validUntil"])


def _are_events(events: list[EscrowEvent], told: list[Mapping[str, Any]]) -> None:
    for event, one in zip(events, told, strict=True):
        assert (event.kind, event.tx_hash, event.block) == (one["eventType"], one["txHash"], one["block"])
        assert event.payer.lower() == one["payer"]
        assert event.amount == int(one.get("amount") or one["maxLockedAmount"])
        assert event.job_id == (int(one["jobId"]) if "jobId" in one else None)


def _are_found(ddos: list[dict[str, Any]], told: list[Mapping[str, Any]]) -> None:
    assert [ddo["id"] for ddo in ddos] == [
        hit["document"]["id"] for results in told for hit in results["hits"]
    ]


def _is_validated(validation: Validation, told: Mapping[str, Any]) -> None:
    assert (validation.sha256, validation.validator) == (told["hash"], told["publicKey"])
    assert (validation.v, validation.r, validation.s) == (told["v"], told["r"], told["s"])


def _is_a_state(state: DdoState, told: Mapping[str, Any]) -> None:
    assert (state.did, state.nft, state.chain_id) == (told["did"], told["nft"], told["chainId"])
    assert state.is_indexed


def _is_the_version(version: NodeVersion, told: Mapping[str, Any]) -> None:
    assert (version.text, version.peer_id) == (told["version"], told["id"])
    assert version.public_key.hex() == told["publicKey"]
    assert version.remark == ""


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
    "start a paid job": _is_one_job,
    "quote": _is_a_quote,
    "quote of access": _is_an_access_quote,
    "file info": _is_a_file,
    "file info of a service": _are_files,
    "DDO": _is(lambda told: told),
    "search of DDOs": _are_found,
    "decrypt a DDO": _is(lambda told: told),
    "escrow events": _are_events,
    "access lists": _is(lambda told: told),
    "encrypt": _is(lambda told: told),
    "validate a DDO": _is_validated,
    "state of a DDO": _is_a_state,
    "status": _is_the_version,
    "public key": _is(lambda told: bytes(told["nodePublicKey"].values())),
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
    reply = recording.reply
    _CHECKS[route_name](value, reply["text"] if "text" in reply else reply.get("json"))
