# SPDX-License-Identifier: Apache-2.0
"""/directCommand: every command as a JSON body; replies and refusals go out as they are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from airflow_provider_deflow.local_ocean_node.commands import (
    about,
    assets,
    buckets,
    download,
    encryption,
    indexed,
    initialize,
    jobs,
    paid_start,
    start,
    tokens,
)
from airflow_provider_deflow.local_ocean_node.commands.protocol import Command, Reply
from airflow_provider_deflow.local_ocean_node.refusal import Refusal, Thrown
from airflow_provider_deflow.local_ocean_node.routes.express import json_body, node_of, raw, run

router = APIRouter()

_COMMANDS: dict[str, Command] = {
    "status": about.status,
    "detailedStatus": about.detailed_status,
    "fileInfo": about.file_info,
    "encrypt": encryption.encrypt,
    "encryptFile": encryption.encrypt_file,
    "decryptDDO": encryption.decrypt,
    "validateDDO": assets.validate,
    "getFees": download.fees,
    "download": download.download,
    "getDDO": assets.get_ddo,
    "findDDO": assets.find_ddo,
    "query": assets.query,
    "getEscrowEvents": indexed.escrow_events,
    "getAccessList": indexed.access_list,
    "searchAccessList": indexed.access_lists,
    "nonce": tokens.nonce,
    "createAuthToken": tokens.create_token,
    "invalidateAuthToken": tokens.invalidate_token,
    "getComputeEnvironments": jobs.environments,
    "getComputeStatus": jobs.status,
    "getComputeResult": jobs.result,
    "getComputeStreamableLogs": jobs.live_logs,
    "stopCompute": jobs.stop,
    "jobs": jobs.listing,
    "freeStartCompute": start.free_start,
    "initializeCompute": initialize.initialize_compute,
    "startCompute": paid_start.paid_start,
    "persistentStorageCreateBucket": buckets.create_bucket,
    "persistentStorageUpdateBucket": buckets.update_bucket,
    "persistentStorageGetBuckets": buckets.list_buckets,
    "persistentStorageListFiles": buckets.list_files,
    "persistentStorageUploadFile": buckets.upload_file,
    "persistentStorageGetFileObject": buckets.file_object,
    "persistentStorageDeleteFile": buckets.delete_file,
}
# What the next major version has besides.
_NEXT_MAJOR: dict[str, Command] = {"validateAuthToken": tokens.validate_token}
# The real node looks for their type under a name in lower case, which it has not, and takes them for text.
_SENT_AS_TEXT = frozenset({"getComputeResult", "getComputeStreamableLogs"})
_PIECE_BYTES = 64 << 10


@router.post("/directCommand")
async def direct_command(request: Request) -> Response:
    task = await json_body(request)
    name = task.get("command")
    if not name:
        return HTMLResponse('Invalid Request: "command" is mandatory!', 400)
    command = _COMMANDS.get(str(name))
    if node_of(request).is_version_4:
        command = command or _NEXT_MAJOR.get(str(name))
    if command is None:
        return HTMLResponse(f'Invalid or unrecognized command: "{name}"', 400)
    # The body cannot bring a stream: it is the body.
    task.pop("stream", None)
    try:
        reply = await run(command, request, task)
        return raw(_as_text(reply) if name in _SENT_AS_TEXT else reply)
    except Refusal as refusal:
        return raw(Reply(refusal.words.encode()), refusal.status)
    except Thrown as error:
        if error.kind == "RangeError":
            # Express itself would not send it.
            return HTMLResponse(error.message, 500)
        return raw(Reply(error.message.encode()), 500)


def _as_text(reply: Reply) -> Reply:
    """Bytes that are not UTF-8, and letters between two pieces, become U+FFFD: binary outputs are spoilt."""
    if isinstance(reply.body, bytes):
        return replace(reply, body=_text_of(reply.body))
    return replace(reply, body=_text_pieces(reply.body))


async def _text_pieces(body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    async for chunk in body:
        for at in range(0, len(chunk), _PIECE_BYTES):
            yield _text_of(chunk[at : at + _PIECE_BYTES])


def _text_of(data: bytes) -> bytes:
    return data.decode("utf-8", "replace").encode()
