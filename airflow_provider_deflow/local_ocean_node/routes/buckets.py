# SPDX-License-Identifier: Apache-2.0
"""Persistent storage over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import Response

from airflow_provider_deflow.local_ocean_node.commands import buckets
from airflow_provider_deflow.local_ocean_node.routes.express import (
    answer_json,
    as_words,
    is_json,
    json_body,
    signed_query,
)

router = APIRouter(prefix="/api/services/persistentStorage/buckets")


@router.post("")
async def create(request: Request) -> Response:
    task = {
        **await json_body(request),
        "command": "persistentStorageCreateBucket",
        "authorization": request.headers.get("authorization"),
    }
    return await answer_json(buckets.create_bucket, request, task, as_words)


@router.patch("/{bucket_id}")
async def update(request: Request, bucket_id: str) -> Response:
    body = await json_body(request)
    task = {
        "command": "persistentStorageUpdateBucket",
        **signed_query(request),
        "bucketId": bucket_id,
        **({"label": body["label"]} if "label" in body else {}),
    }
    return await answer_json(buckets.update_bucket, request, task, as_words)


@router.get("")
async def list_buckets(request: Request) -> Response:
    task = {"command": "persistentStorageGetBuckets", **signed_query(request, "owner")}
    return await answer_json(buckets.list_buckets, request, task, as_words)


@router.get("/{bucket_id}/files")
async def list_files(request: Request, bucket_id: str) -> Response:
    task = {"command": "persistentStorageListFiles", **signed_query(request), "bucketId": bucket_id}
    return await answer_json(buckets.list_files, request, task, as_words)


# A name may hold an encoded slash, which is refused as a name, not as a route.
@router.get("/{bucket_id}/files/{name:path}/object")
async def file_object(request: Request, bucket_id: str, name: str) -> Response:
    task = {
        "command": "persistentStorageGetFileObject",
        **signed_query(request),
        "bucketId": bucket_id,
        "fileName": name,
    }
    return await answer_json(buckets.file_object, request, task, as_words)


@router.post("/{bucket_id}/files/{name:path}")
async def upload(request: Request, bucket_id: str, name: str) -> Response:
    """With a JSON content type the body is parsed, and an empty file is stored."""
    parsed = is_json(request)
    if parsed:
        await json_body(request)
    task = {
        "command": "persistentStorageUploadFile",
        **signed_query(request),
        "bucketId": bucket_id,
        "fileName": name,
        "stream": _nothing() if parsed else request.stream(),
    }
    return await answer_json(buckets.upload_file, request, task, as_words)


@router.delete("/{bucket_id}/files/{name:path}")
async def delete(request: Request, bucket_id: str, name: str) -> Response:
    task = {
        "command": "persistentStorageDeleteFile",
        **signed_query(request),
        "bucketId": bucket_id,
        "fileName": name,
    }
    return await answer_json(buckets.delete_file, request, task, as_words)


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
