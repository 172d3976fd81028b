# SPDX-License-Identifier: Apache-2.0
"""Compute over HTTP."""

from __future__ import annotations

import math

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from airflow_provider_deflow.local_ocean_node.commands import initialize, jobs, paid_start, start
from airflow_provider_deflow.local_ocean_node.commands.protocol import Task
from airflow_provider_deflow.local_ocean_node.javascript import as_number, or_null, parse_int
from airflow_provider_deflow.local_ocean_node.routes.express import (
    answer_json,
    answer_raw,
    as_json_words,
    as_server_error,
    as_words,
    json_body,
    signed_query,
)

router = APIRouter(prefix="/api/services")

_START_FIELDS = (
    "consumerAddress",
    "signature",
    "nonce",
    "environment",
    "algorithm",
    "datasets",
    "resources",
    "maxJobDuration",
    "payment",
    "metadata",
    "additionalViewers",
    "encryptedDockerRegistryAuth",
    "output",
    "outputBucketId",
)


@router.get("/computeEnvironments")
async def environments(request: Request) -> Response:
    chain_id = parse_int(request.query_params.get("chainId", ""))
    task = {"command": "getComputeEnvironments", "chainId": chain_id}
    return await answer_json(jobs.environments, request, task, as_server_error)


@router.post("/freeCompute")
async def free_compute(request: Request) -> Response:
    task = await _start_task(request, "freeStartCompute")
    return await answer_json(start.free_start, request, task, as_json_words)


@router.post("/compute")
async def paid_compute(request: Request) -> Response:
    task = await _start_task(request, "startCompute")
    return await answer_json(paid_start.paid_start, request, task, as_json_words)


@router.post("/initializeCompute")
async def initialize_compute(request: Request) -> Response:
    body = await json_body(request)
    datasets = or_null(body.get("datasets"))
    if or_null(body.get("algorithm")) is None:
        return HTMLResponse("Missing algorithm", 400)
    if isinstance(datasets, dict | int | float) or (isinstance(datasets, list) and None in datasets):
        return HTMLResponse("Internal Server Error", 500)
    datasets = datasets or []
    if any(not isinstance(one, dict) or not one.get("documentId") for one in datasets):
        return HTMLResponse("Missing dataset did", 400)
    task = {**body, "datasets": datasets, "command": "initializeCompute"}
    return await answer_json(initialize.initialize_compute, request, task, as_words)


@router.get("/compute")
async def status(request: Request) -> Response:
    task: Task = {"command": "getComputeStatus", **signed_query(request, "jobId", "agreementId")}
    with_metrics = request.query_params.get("includeMetrics")
    task["includeMetrics"] = None if with_metrics is None else with_metrics == "true"
    return await answer_json(jobs.status, request, task, as_server_error)


@router.put("/compute")
async def stop(request: Request) -> Response:
    """From the query only; a body is not looked at."""
    task = {"command": "stopCompute", **signed_query(request, "jobId", "agreementId")}
    return await answer_json(jobs.stop, request, task, as_server_error)


@router.delete("/compute")
async def delete() -> Response:
    return HTMLResponse("Not yet implemented!", 404)


@router.get("/computeResult")
async def result(request: Request) -> Response:
    """`offset` and `Range` are not looked at."""
    task: Task = {"command": "getComputeResult", **signed_query(request, "jobId", "index")}
    if task["index"] is not None:
        index = as_number(task["index"])
        # NaN fails the command's own check.
        task["index"] = index if math.isnan(index) else int(index) if index.is_integer() else index
    return await answer_raw(jobs.result, request, task, as_words)


@router.get("/computeStreamableLogs")
async def live_logs(request: Request) -> Response:
    task = {"command": "getComputeStreamableLogs", **signed_query(request, "jobId")}
    return await answer_raw(jobs.live_logs, request, task, as_words)


async def _start_task(request: Request, command: str) -> Task:
    body = await json_body(request)
    return {
        "command": command,
        **{name: or_null(body.get(name)) for name in _START_FIELDS},
        "queueMaxWaitTime": or_null(body.get("queueMaxWaitTime")) or 0,
        "authorization": request.headers.get("authorization"),
    }
