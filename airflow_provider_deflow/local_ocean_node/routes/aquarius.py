# SPDX-License-Identifier: Apache-2.0
"""Assets over HTTP: DDOs, the search for them, whether one is valid, what became of its indexing."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from airflow_provider_deflow.local_ocean_node import ddo_search
from airflow_provider_deflow.local_ocean_node.commands import assets
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task
from airflow_provider_deflow.local_ocean_node.javascript import or_null
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.routes.express import (
    answer_json,
    as_server_error,
    as_words,
    json_body,
    node_of,
    not_found,
    query_of,
)

router = APIRouter(prefix="/api/aquarius")


@router.post("/assets/ddo/validate")
async def validate(request: Request) -> Response:
    body = await json_body(request)
    task = {
        "command": "validateDDO",
        **{name: or_null(body.get(name)) for name in ("ddo", "publisherAddress", "signature", "nonce")},
        "authorization": request.headers.get("authorization"),
    }
    return await answer_json(assets.validate, request, task, as_words)


@router.get("/assets/{kind}/{did}")
@router.get("/assets/{kind}/{did}/{force}")
async def ddo(request: Request, kind: str, did: str, force: str = "") -> Response:
    """`metadata` gives the whole DDO too. Forced, a real node asks its peers only, and finds nothing."""
    if kind not in ("ddo", "metadata"):
        return not_found(request.method, request.url.path)
    if not did.startswith("did:op"):
        return HTMLResponse('Missing or invalid required parameter: "did"', 400)
    task = {"command": "getDDO", "id": did, "isForced": force == "true"}
    return await answer_json(_document, request, task, as_words)


async def _document(node: LocalOceanNode, task: Task) -> Reply:
    """In other words than the command, when there is none."""
    document = node.index.ddo(task["id"]) if node.index and not task["isForced"] else None
    if document is None:
        raise Refusal(404, "DDO not found")
    return Reply.of(document)


@router.post("/assets/metadata/query")
async def search(request: Request) -> Response:
    try:
        query = ddo_search.typesense_query(await json_body(request))
    except ddo_search.Unsupported:
        return HTMLResponse("Internal Server Error", 500)
    task = {"command": "query", "query": query}
    without_index = node_of(request).index is None
    return await answer_json(assets.query, request, task, as_server_error if without_index else as_words)


@router.get("/state/ddo")
async def indexing_state(request: Request) -> Response:
    task = {"command": "getDDOState", **query_of(request, "did", "nft", "txId")}
    return await answer_json(assets.indexing_state, request, task, as_words)
