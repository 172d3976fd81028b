# SPDX-License-Identifier: Apache-2.0
"""How much a request may send: counted while it comes, so that nothing larger is ever in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# A little more than MongoDB takes of a document.
BODY_LIMIT_BYTES = 16_000_000
UPLOAD_LIMIT_BYTES = 2 * 1024**3
UPLOADS_PATH = "/api/v1/uploads"


class BodyLimit:
    """Refuses with 413 what is larger; an upload may be larger than a drawing."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = UPLOAD_LIMIT_BYTES if scope["path"].endswith(UPLOADS_PATH) else BODY_LIMIT_BYTES
        announced = dict(scope["headers"]).get(b"content-length", b"")
        if announced.isdigit() and int(announced) > limit:
            reply = JSONResponse({"error": "too_large", "message": _too_large(limit)}, 413)
            await reply(scope, receive, send)
            return
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > limit:
                raise HTTPException(413, _too_large(limit))
            return message

        await self._app(scope, counted, send)


def _too_large(limit: int) -> str:
    return f"This takes {limit // 1_000_000} MB and no more: keep code and data in files or uploads."
