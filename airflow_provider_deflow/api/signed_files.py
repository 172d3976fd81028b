# SPDX-License-Identifier: Apache-2.0
"""Stored files by signed, expiring URL, for Ocean Nodes.

This route has no user: the token in its path is the right to read one file until it expires.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from airflow_provider_deflow.api import values
from airflow_provider_deflow.api.faults import Refusal
from airflow_provider_deflow.api.outputs import chunks
from airflow_provider_deflow.hooks import signed_urls
from airflow_provider_deflow.hooks.storage import content_store

router = APIRouter(tags=["files"])


@router.get(
    signed_urls.FILES_ROUTE.removeprefix("/deflow") + "/{token}/{name}",
    response_class=StreamingResponse,
    responses={
        200: {
            "description": "The file",
            "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        },
        404: {"model": values.Fault, "description": "The link has expired, or names no file"},
        422: {"model": values.Fault, "description": "Never: it takes any text"},
    },
)
def stored_file(
    token: str, name: Annotated[str, Path(description="For the reader, who takes it as the file's name.")]
) -> StreamingResponse:
    """A stored file, by a signed URL that expires."""
    sha256 = signed_urls.read_token(token)
    store = content_store()
    if sha256 is None or not store.has(sha256):
        raise Refusal(404, "not_found", "This link has expired, or names no file.")
    size = store.size(sha256)
    return StreamingResponse(
        chunks(store.open(sha256), 0, size),
        media_type="application/octet-stream",
        headers={"content-length": str(size), "x-content-type-options": "nosniff"},
    )
