# SPDX-License-Identifier: Apache-2.0
"""Assets over HTTP: DDOs, the search for them, whether one is valid, what became of its indexing."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from airflow_provider_deflow.local_ocean_node import ddo_search
from airflow_provider_deflow.local_ocean_node.commands import assets
from airflow_provider_deflow.local_ocean_node.javascript import dumps, or_null
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

_JSON = "application/json; charset=utf-8"


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
    index = node_of(request).index
    document = index.ddo(did) if index and force != "true" else None
    if document is None:
        return HTMLResponse("DDO not found", 404)
    return Response(dumps(document), media_type=_JSON)


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
    try:
        state = assets.indexing_state(node_of(request), query_of(request, "did", "nft", "txId"))
    except Refusal as refusal:
        return as_words(refusal)
    return JSONResponse(state, media_type=_JSON) if state else HTMLResponse("Not found", 404)
