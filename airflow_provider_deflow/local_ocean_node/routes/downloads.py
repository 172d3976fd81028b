# SPDX-License-Identifier: Apache-2.0
"""Orders of downloads over HTTP. `Range` is not passed on: a file comes whole."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from airflow_provider_deflow.local_ocean_node.commands import download as commands
from airflow_provider_deflow.local_ocean_node.javascript import as_number, parse_int
from airflow_provider_deflow.local_ocean_node.refusal import Refusal, Thrown
from airflow_provider_deflow.local_ocean_node.routes.express import (
    as_words,
    query_of,
    raw,
    run,
    signed_query,
)

router = APIRouter(prefix="/api/services")

_JSON = "application/json; charset=utf-8"


@router.get("/initialize")
async def initialize(request: Request) -> Response:
    given = query_of(request, "documentId", "serviceId", "consumerAddress", "validUntil")
    task = {
        "command": "getFees",
        "ddoId": given["documentId"],
        "serviceId": given["serviceId"],
        "consumerAddress": given["consumerAddress"],
        "validUntil": parse_int(given["validUntil"]) if given["validUntil"] else None,
    }
    try:
        reply = await run(commands.fees, request, task)
    except Refusal as refusal:
        return as_words(refusal)
    except Thrown:
        return HTMLResponse("Internal Server Error", 500)
    assert isinstance(reply.body, bytes)
    return JSONResponse(json.loads(reply.body), media_type=_JSON)


@router.get("/download")
async def download(request: Request) -> Response:
    names = ("documentId", "serviceId", "transferTxId", "fileIndex", "userdata")
    task = {"command": "download", **signed_query(request, *names)}
    # Not given, it is NaN, which counts as given.
    task["fileIndex"] = as_number(task["fileIndex"] or "NaN")
    try:
        task["userData"] = json.loads(task.pop("userdata") or "null")
    except ValueError:
        task["userData"] = None
    try:
        return raw(await run(commands.download, request, task))
    except Refusal as refusal:
        return as_words(refusal)
    except Thrown:
        # An error object has no keys of its own to show.
        return JSONResponse({}, 500, media_type=_JSON)
