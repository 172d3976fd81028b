# SPDX-License-Identifier: Apache-2.0
"""Files from people into DeFlow's storage, for a node's `datasets`; kept by content, so twice is once."""

from __future__ import annotations

import tempfile
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool

from airflow_provider_deflow.api import access, catalogue_values
from airflow_provider_deflow.api.faults import documented
from airflow_provider_deflow.graphs import values as words
from airflow_provider_deflow.hooks.storage import content_store

router = APIRouter(tags=["catalogue"])

IN_MEMORY_BYTES = 1 << 20

_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.post(
    "/uploads",
    status_code=201,
    dependencies=[access.CreatesDags],
    responses=documented(413),
    openapi_extra=_BODY,
)
async def upload(
    request: Request,
    name: Annotated[
        words.FileName, Query(description="What the algorithm shall see.", examples=["patients.csv"])
    ],
) -> catalogue_values.Upload:
    """Keep the body's bytes as a file; what no graph and no run needs is cleared after a while."""
    with tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES, prefix="deflow-upload-") as file:
        async for chunk in request.stream():
            await run_in_threadpool(file.write, chunk)
        await run_in_threadpool(file.seek, 0)
        sha256, size = await run_in_threadpool(lambda: content_store().put(file))  # type: ignore[arg-type]
    return catalogue_values.Upload(sha256=sha256, name=name, size=size)
