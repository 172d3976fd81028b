# SPDX-License-Identifier: Apache-2.0
"""The node itself over HTTP: what it is, nonces, tokens, file info, and routes that need an index.

Without a data base of assets a real node answers those routes as written here.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from airflow_provider_deflow.local_ocean_node.commands import about, tokens
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task
from airflow_provider_deflow.local_ocean_node.javascript import as_text
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.routes.express import (
    answer_json,
    answer_raw,
    as_error_object,
    as_words,
    json_body,
    node_of,
)

router = APIRouter()

_BUCKETS = "/api/services/persistentStorage/buckets"
_ENDPOINTS = {
    "directCommand": ("POST", "/directCommand"),
    "fileInfo": ("POST", "/api/services/fileInfo"),
    "decrypt": ("POST", "/api/services/decrypt"),
    "encrypt": ("POST", "/api/services/encrypt"),
    "encryptFile": ("POST", "/api/services/encryptFile"),
    "initialize": ("GET", "/api/services/initialize"),
    "nonce": ("GET", "/api/services/nonce"),
    "download": ("GET", "/api/services/download"),
    "getDDO": ("GET", "/api/aquarius/assets/ddo/:did/:force?"),
    "getDDOMetadata": ("GET", "/api/aquarius/assets/metadata/:did/:force?"),
    "ddoMetadataQuery": ("POST", "/api/aquarius/assets/metadata/query"),
    "getDDOState": ("GET", "/api/aquarius/state/ddo"),
    "validateDDO": ("POST", "/api/aquarius/assets/ddo/validate"),
    "computeEnvironments": ("GET", "/api/services/computeEnvironments"),
    "computeStart": ("POST", "/api/services/compute"),
    "freeCompute": ("POST", "/api/services/freeCompute"),
    "computeStop": ("PUT", "/api/services/compute"),
    "computeStatus": ("GET", "/api/services/compute"),
    "computeResult": ("GET", "/api/services/computeResult"),
    "computeStreamableLogs": ("GET", "/api/services/computeStreamableLogs"),
    "initializeCompute": ("POST", "/api/services/initializeCompute"),
    "computeDelete": ("DELETE", "/api/services/compute"),
    "indexQueue": ("GET", "/api/services/indexQueue"),
    "generateAuthToken": ("POST", "/api/services/auth/token"),
    "invalidateAuthToken": ("POST", "/api/services/auth/token/invalidate"),
    _BUCKETS: ("POST", _BUCKETS),
    f"{_BUCKETS}/:bucketId": ("PATCH", f"{_BUCKETS}/:bucketId"),
    f"{_BUCKETS}_GET": ("GET", _BUCKETS),
    f"{_BUCKETS}/:bucketId/files": ("GET", f"{_BUCKETS}/:bucketId/files"),
    f"{_BUCKETS}/:bucketId/files/:fileName/object": ("GET", f"{_BUCKETS}/:bucketId/files/:fileName/object"),
    f"{_BUCKETS}/:bucketId/files/:fileName": ("POST", f"{_BUCKETS}/:bucketId/files/:fileName"),
    f"{_BUCKETS}/:bucketId/files/:fileName_DELETE": ("DELETE", f"{_BUCKETS}/:bucketId/files/:fileName"),
    "/api/services/accesslists": ("GET", "/api/services/accesslists"),
    "/api/services/accesslists/:chainId/:contractAddress": (
        "GET",
        "/api/services/accesslists/:chainId/:contractAddress",
    ),
    "/api/services/escrow/events": ("GET", "/api/services/escrow/events"),
}


@router.get("/")
async def root(request: Request) -> Response:
    node = node_of(request)
    identity = node.identity
    return JSONResponse(
        {
            "nodeId": identity.peer_id,
            "chainIds": [str(chain.chain_id) for chain in node.chains],
            "providerAddress": identity.address,
            "nodePublicKey": {str(index): byte for index, byte in enumerate(identity.public_key)},
            **({} if node.is_version_4 else {"serviceEndpoints": _ENDPOINTS}),
            "software": "Ocean-Node",
            # A constant of the real node; the version is in the status command.
            "version": "0.0.1",
        },
        media_type="application/json; charset=utf-8",
    )


@router.get("/api/services/nonce")
async def nonce(request: Request) -> Response:
    address = request.query_params.get("userAddress", "undefined")
    if not address:
        return HTMLResponse('Missing required parameter: "userAddress"', 400)
    task = {"command": "nonce", "address": address}
    return await answer_json(_last_nonce, request, task, as_words)


async def _last_nonce(node: LocalOceanNode, task: Task) -> Reply:
    """Of any text, unlike the command; nothing known is "0"."""
    return Reply.of({"nonce": as_text(node.auth.last_nonce(task["address"]))})


@router.post("/api/services/auth/token")
async def create_token(request: Request) -> Response:
    body = await json_body(request)
    if not body.get("signature") or not body.get("address"):
        return as_error_object(Refusal(400, "Missing required parameters"))
    task = {**body, "command": "createAuthToken"}
    return await answer_json(tokens.create_token, request, task, as_error_object)


@router.post("/api/services/auth/token/invalidate")
async def invalidate_token(request: Request) -> Response:
    body = await json_body(request)
    if not body.get("signature") or not body.get("address") or not body.get("token"):
        return as_error_object(Refusal(400, "Missing required parameters"))
    task = {**body, "command": "invalidateAuthToken"}
    return await answer_json(tokens.invalidate_token, request, task, as_error_object)


@router.post("/api/services/fileInfo")
async def file_info(request: Request) -> Response:
    body = await json_body(request)
    if not as_text(body.get("type") or "").strip() and not as_text(body.get("did") or "").strip():
        return HTMLResponse("Invalid request parameters", 400)
    task = {"command": "fileInfo", "consumerAddress": body.get("consumerAddress")}
    if body.get("did") and body.get("serviceId"):
        task |= {"did": body["did"], "serviceId": body["serviceId"]}
    else:
        task |= {"file": body, "type": body.get("type")}
    return await answer_raw(about.file_info, request, task, as_words)


@router.get("/api/services/indexQueue")
async def index_queue() -> Response:
    return JSONResponse({"queue": []}, media_type="application/json; charset=utf-8")
