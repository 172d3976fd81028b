# SPDX-License-Identifier: Apache-2.0
"""The DeFlow API. For now one route: stored files by signed, expiring URL, for Ocean Nodes.

That route has no user: the token in its path is the right to read one file until it expires.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI, HTTPException
from fastapi.responses import StreamingResponse

from airflow_provider_deflow import __version__
from airflow_provider_deflow.api.editor_files import serve_editor
from airflow_provider_deflow.hooks import signed_urls
from airflow_provider_deflow.hooks.storage import content_store

if TYPE_CHECKING:
    from collections.abc import Iterator

CHUNK_BYTES = 1 << 20


def create_app() -> FastAPI:
    """The application that the plugin mounts at `/deflow`."""
    app = FastAPI(title="DeFlow", version=__version__)
    app.add_api_route(
        signed_urls.FILES_ROUTE.removeprefix("/deflow") + "/{token}/{name}",
        stored_file,
        methods=["GET"],
        response_class=StreamingResponse,
        summary="A stored file, by a signed URL that expires",
    )
    serve_editor(app)
    return app


def stored_file(token: str, name: str) -> StreamingResponse:
    """The file that `token` names; `name` is there for the reader, who takes it as the file's name."""
    sha256 = signed_urls.read_token(token)
    store = content_store()
    if sha256 is None or not store.has(sha256):
        raise HTTPException(404, "This link has expired, or names no file.")
    return StreamingResponse(
        _chunks(store.open(sha256)),
        media_type="application/octet-stream",
        headers={"content-length": str(store.size(sha256)), "x-content-type-options": "nosniff"},
    )


def _chunks(content: object) -> Iterator[bytes]:
    with content as file:  # type: ignore[attr-defined]
        while chunk := file.read(CHUNK_BYTES):
            yield chunk
