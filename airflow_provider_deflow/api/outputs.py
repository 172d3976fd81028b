# SPDX-License-Identifier: Apache-2.0
"""Files that runs left in DeFlow's storage, to those who may read the run: whole, or a part by `Range`.

A content is only given out under a run that the ledger knows to have left it: its hash alone opens nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Header, Path
from fastapi.responses import StreamingResponse

from airflow_provider_deflow.api import access, run_view
from airflow_provider_deflow.api.access import GraphSlug
from airflow_provider_deflow.api.faults import Refusal, documented
from airflow_provider_deflow.api.runs import RunId
from airflow_provider_deflow.hooks.storage import content_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

router = APIRouter(tags=["runs"])

CHUNK_BYTES = 1 << 20
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_BYTES: dict[str, Any] = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
# A browser shows nothing of it as a page of this site.
_HEADERS = {
    "x-content-type-options": "nosniff",
    "content-security-policy": "sandbox",
    "accept-ranges": "bytes",
}

Sha256 = Annotated[str, Path(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Path(pattern=r"^[^\x00-\x1f\x7f]{1,4096}$", description="As the run lists it.")]


@router.get(
    "/graphs/{slug}/runs/{run_id}/outputs/{sha256}/{name:path}",
    dependencies=[access.ReadsRuns],
    response_class=StreamingResponse,
    responses={
        **documented(404, 416),
        200: {"content": _BYTES, "description": "The whole file"},
        206: {"content": _BYTES, "description": "The part that was asked for"},
    },
)
def read_output(
    slug: GraphSlug,
    run_id: RunId,
    sha256: Sha256,
    name: Name,
    range_: Annotated[str | None, Header(alias="Range", examples=["bytes=0-1023"])] = None,
) -> StreamingResponse:
    """A file that the run left, as bytes."""
    files = run_view.kept_files(run_view.told_by_ledger(slug, run_id))
    if not any(file.sha256 == sha256 and file.name == name for file in files):
        raise Refusal(
            404, "not_found", f"Run {run_id} of {slug!r} left no such file, or the ledger no longer knows it."
        )
    store = content_store()
    size = store.size(sha256)
    headers = {
        **_HEADERS,
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name.split('/')[-1])}",
    }
    part = _asked_part(range_, size)
    first, last = part or (0, size - 1)
    headers["content-length"] = str(last - first + 1)
    if part:
        headers["content-range"] = f"bytes {first}-{last}/{size}"
    return StreamingResponse(
        chunks(store.open(sha256), first, last - first + 1),
        status_code=206 if part else 200,
        media_type="application/octet-stream",
        headers=headers,
    )


def chunks(content: BinaryIO, first: int, count: int) -> Iterator[bytes]:
    """`count` bytes from `first` on, in pieces; the file is closed afterwards."""
    with content as file:
        if first:
            file.seek(first)
        while count > 0 and (chunk := file.read(min(CHUNK_BYTES, count))):
            count -= len(chunk)
            yield chunk


def _asked_part(asked: str | None, size: int) -> tuple[int, int] | None:
    """First and last byte; None for the whole, also when several parts or another unit are asked for."""
    found = _RANGE.fullmatch((asked or "").replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if found[1]:
        first = int(found[1])
        last = min(int(found[2]), size - 1) if found[2] else size - 1
        if found[2] and int(found[2]) < first:
            return None  # RFC 9110: an invalid range is as if none were asked for
    else:
        first, last = max(size - int(found[2]), 0), size - 1
    if first >= size or first > last:
        raise Refusal(
            416, "bad_range", f"The file has {size} bytes.", headers={"content-range": f"bytes */{size}"}
        )
    return first, last
