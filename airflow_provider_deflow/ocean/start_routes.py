# SPDX-License-Identifier: Apache-2.0
"""Starting a job, free or paid, and what a paid one would cost. Pure, like `routes`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from airflow_provider_deflow.ocean import fields, routes
from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
from airflow_provider_deflow.ocean.payments import Payment, Quote
from airflow_provider_deflow.ocean.routes import Route
from airflow_provider_deflow.signing import checksum_address


def start_free(request: JobRequest, address: str) -> Route[ComputeJob]:
    return _start(
        "start a free job", "freeCompute", "freeStartCompute", request, _start_body(request, address)
    )


def start_paid(request: JobRequest, address: str, payment: Payment) -> Route[ComputeJob]:
    """The node locks the job's price in the escrow before it answers.

    A refusal can come after the lock, and then the money stays locked until the lock expires.
    """
    body = {**_start_body(request, address), "payment": payment.to_request()}
    return _start("start a paid job", "compute", "startCompute", request, body)


def quote(request: JobRequest, address: str, payment: Payment) -> Route[Quote]:
    """Datasets that are plain files are left out: they cost nothing, and the node refuses them here.

    An algorithm must be inline code or a DID: a paid job takes no other.
    """
    body = {
        **_common_body(request, address),
        "datasets": [dataset for dataset in request.datasets if dataset.get("documentId")],
        # In a start they stand beside the payment.
        "payment": {**payment.to_request(), "resources": _resources(request)},
    }
    path = f"{routes.SERVICES}/initializeCompute"
    return Route("quote", "POST", path, Quote.from_reply, body=body, is_repeatable=True)


def _start(
    name: str, path: str, command: str, request: JobRequest, body: dict[str, Any]
) -> Route[ComputeJob]:
    def read(reply: Any) -> ComputeJob:
        jobs = routes.read_jobs(reply)
        if len(jobs) != 1:
            raise fields.unexpected("a start must answer with one job", reply)
        # The reply does not say so, and a job without outputs on the node would else have failed.
        return replace(jobs[0], output_expected=not (request.output or request.output_bucket_id))

    path = f"{routes.SERVICES}/{path}"
    return Route(name, "POST", path, read, body=body, command=command, signs_body=True)


def _start_body(request: JobRequest, address: str) -> dict[str, Any]:
    body = _common_body(request, address)
    body["datasets"] = list(request.datasets)
    body["resources"] = _resources(request)
    if request.metadata:
        body["metadata"] = dict(request.metadata)
    if request.additional_viewers:
        # Compared as text when a result is asked for.
        body["additionalViewers"] = [checksum_address(viewer) for viewer in request.additional_viewers]
    if request.output_bucket_id:
        body["outputBucketId"] = request.output_bucket_id
    return body


def _common_body(request: JobRequest, address: str) -> dict[str, Any]:
    body: dict[str, Any] = {
        "environment": request.environment,
        "algorithm": request.algorithm,
        "consumerAddress": checksum_address(request.consumer_address or address),
    }
    if request.max_duration_seconds is not None:
        body["maxJobDuration"] = request.max_duration_seconds
    if request.queue_max_wait_seconds:
        body["queueMaxWaitTime"] = request.queue_max_wait_seconds
    if request.output:
        body["output"] = request.output
    if request.encrypted_registry_auth:
        body["encryptedDockerRegistryAuth"] = request.encrypted_registry_auth
    return body


def _resources(request: JobRequest) -> list[dict[str, Any]]:
    return [{"id": id_, "amount": amount} for id_, amount in request.resources.items()]
