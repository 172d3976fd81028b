# SPDX-License-Identifier: Apache-2.0
"""Assets over HTTP: DDOs, the search for them, whether one is valid, what became of its indexing."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from airflow_provider_deflow.local_ocean_node.commands import assets
from airflow_provider_deflow.local_ocean_node.javascript import or_null
from airflow_provider_deflow.local_ocean_node.routes.express import answer_json, as_words, json_body

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


@router.get("/assets/{kind}/{did:path}")
async def ddo(kind: str, did: str) -> Response:
    return HTMLResponse("DDO not found", 404)


@router.post("/assets/metadata/query")
async def search() -> Response:
    return HTMLResponse("Internal Server Error", 500)


@router.get("/state/ddo")
async def indexing_state() -> Response:
    return HTMLResponse("DDO State database is not available", 503)
