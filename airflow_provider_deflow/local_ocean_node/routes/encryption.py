# SPDX-License-Identifier: Apache-2.0
"""Encryption over HTTP, where the content type decides what is encrypted.

`/encrypt` takes bytes only as application/octet-stream; any other body has been taken for an object by
then, and its text, "[object Object]", is what gets encrypted, with status 200.
"""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from airflow_provider_deflow.local_ocean_node.commands import encryption
from airflow_provider_deflow.local_ocean_node.commands.protocol import Command, Task
from airflow_provider_deflow.local_ocean_node.javascript import as_text
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.routes.express import (
    as_words,
    has_body,
    json_body,
    json_value,
    media_type,
    query_of,
    run,
    whole_body,
)

router = APIRouter(prefix="/api/services")

_MOST_BYTES = 25 << 20
_OCTETS = "application/octet-stream"


@router.post("/encrypt")
async def encrypt(request: Request) -> Response:
    """A token does not count here: the header is not looked at."""
    if media_type(request) == _OCTETS and has_body(request):
        blob = (await whole_body(request, _MOST_BYTES)).decode(errors="replace")
    else:
        blob = as_text(await json_value(request))
    if not blob:
        return HTMLResponse("Missing required body", 400)
    task = {"command": "encrypt", "blob": blob, **_signature(request)}
    return await _answer(encryption.encrypt, request, task)


@router.post("/encryptFile")
async def encrypt_file(request: Request) -> Response:
    """A JSON body is a file object, any other one the content itself; an unknown method is AES."""
    method = "ECIES" if request.query_params.get("encryptMethod", "").upper() == "ECIES" else "AES"
    kind = media_type(request) if has_body(request) else ""
    task: Task = {"command": "encryptFile", "encryptionType": method, **_signature(request)}
    if kind == "application/json":
        task["files"] = await json_body(request)
    elif kind in (_OCTETS, "multipart/form-data"):
        task["rawData"] = await whole_body(request, _MOST_BYTES)
    else:
        return HTMLResponse("Invalid request (missing body data or invalid content-type)", 400)
    return await _answer(encryption.encrypt_file, request, task)


@router.post("/decrypt")
async def decrypt(request: Request) -> Response:
    task = {**await json_body(request), "command": "decryptDDO"}
    return await _answer(encryption.decrypt, request, task, "text/plain")


def _signature(request: Request) -> Task:
    return query_of(request, "consumerAddress", "nonce", "signature")


async def _answer(command: Command, request: Request, task: Task, kind: str = _OCTETS) -> Response:
    try:
        reply = await run(command, request, task)
    except Refusal as refusal:
        return as_words(refusal)
    assert isinstance(reply.body, bytes)
    return Response(reply.body, 200, dict(reply.headers), f"{kind}; charset=utf-8")
