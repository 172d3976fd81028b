# SPDX-License-Identifier: Apache-2.0
"""Requests and answers as Express handles them.

A JSON body is read when the content type says JSON, up to 100 kB; anything else counts as an empty
object. Plain words go out as text/html, and what Express itself refuses is a small HTML page.
"""

from __future__ import annotations

import html
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import quote

from fastapi import HTTPException, Request
from fastapi.responses import HTMLResponse, Response, StreamingResponse
from starlette.responses import Content
from starlette.types import Send

from airflow_provider_deflow.local_ocean_node.commands.protocol import Command, Reply, Task
from airflow_provider_deflow.local_ocean_node.javascript import dumps
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.routes.running import node_of, run

_MOST_JSON_BYTES = 100 * 1024
_PAGE = (
    '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>Error</title>\n</head>\n'
    "<body>\n<pre>{}</pre>\n</body>\n</html>\n"
)

__all__ = ["node_of", "run"]

Wording = Callable[[Refusal], Response]


class ErrorPage(HTTPException):
    """Express refuses before any command is asked."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, text)
        self.response = HTMLResponse(_PAGE.format(html.escape(text)), status)


def query_of(request: Request, *names: str) -> Task:
    return {name: request.query_params.get(name) or None for name in names}


def signed_query(request: Request, *names: str) -> Task:
    """The query with what authenticates it."""
    return {
        **query_of(request, "consumerAddress", "nonce", "signature", *names),
        "authorization": request.headers.get("authorization"),
    }


def is_json(request: Request) -> bool:
    return media_type(request) == "application/json"


async def json_body(request: Request) -> dict[str, Any]:
    """The body as an object; an empty one when there is none or it is not JSON."""
    value = await json_value(request)
    return value if isinstance(value, dict) else {}


async def json_value(request: Request) -> dict[str, Any] | list[Any]:
    """As `json_body`, but a list is what it is."""
    if not is_json(request):
        return {}
    content = await whole_body(request, _MOST_JSON_BYTES)
    if not content:
        return {}
    try:
        value = json.loads(content, parse_constant=_no_json)
    except ValueError as error:
        ends_early = isinstance(error, json.JSONDecodeError) and not content[error.pos :].strip()
        words = "Unexpected end of JSON input" if ends_early else str(error)
        raise ErrorPage(400, f"SyntaxError: {words}") from error
    if not isinstance(value, (dict, list)):
        raise ErrorPage(400, f"SyntaxError: Unexpected token {value!r} in JSON at position 0")
    return value


async def whole_body(request: Request, most: int) -> bytes:
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > most:
        raise ErrorPage(413, "PayloadTooLargeError: request entity too large")
    content = bytearray()
    async for chunk in request.stream():
        content += chunk
        if len(content) > most:
            raise ErrorPage(413, "PayloadTooLargeError: request entity too large")
    return bytes(content)


def has_body(request: Request) -> bool:
    """Whether one was sent at all; an empty one counts when its length was announced."""
    return "content-length" in request.headers or "transfer-encoding" in request.headers


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def not_found(method: str, path: str) -> Response:
    shown = html.escape(quote(path, safe="/%:@!$&'()*+,;=-._~"))
    return HTMLResponse(_PAGE.format(f"Cannot {method} {shown}"), 404)


async def answer_json(
    command: Command, request: Request, task: Task, wording: Wording, status: int = 200
) -> Response:
    """The command's reply as application/json."""

    async def send() -> Response:
        reply = await run(command, request, task)
        assert isinstance(reply.body, bytes)
        return Response(reply.body, status, media_type="application/json; charset=utf-8")

    return await _worded(send, wording)


async def answer_raw(command: Command, request: Request, task: Task, wording: Wording) -> Response:
    """The command's reply as the stream it is, chunked, with no more type than the command gave it."""

    async def send() -> Response:
        return raw(await run(command, request, task))

    return await _worded(send, wording)


class _Piped(StreamingResponse):
    """Headers go out with the first bytes, so a stream that is silent is not even answered."""

    async def stream_response(self, send: Send) -> None:
        pieces = aiter(self.body_iterator)
        first = await anext(pieces, None)
        if first is None:
            self.raw_headers.append((b"content-length", b"0"))
        self.body_iterator = _after(first or b"", pieces)
        await super().stream_response(send)


def raw(reply: Reply, status: int = 200) -> Response:
    if reply.body == b"":
        return Response(status_code=status)
    body = _once(reply.body) if isinstance(reply.body, bytes) else reply.body
    headers = {"content-type": reply.content_type} if reply.content_type else {}
    return _Piped(body, status, {**headers, **reply.headers})


def as_words(refusal: Refusal) -> Response:
    return HTMLResponse(refusal.words, refusal.status)


def as_json_words(refusal: Refusal) -> Response:
    return Response(dumps(refusal.words), refusal.status, media_type="application/json; charset=utf-8")


def as_error_object(refusal: Refusal) -> Response:
    content = dumps({"error": refusal.words})
    return Response(content, refusal.status, media_type="application/json; charset=utf-8")


def as_server_error(refusal: Refusal) -> Response:
    """Status and stop swallow every reason."""
    return HTMLResponse("Internal Server Error", 500)


async def _worded(send: Callable[[], Awaitable[Response]], wording: Wording) -> Response:
    try:
        return await send()
    except Refusal as refusal:
        return wording(refusal)


def _no_json(constant: str) -> None:
    raise ValueError(f"Unexpected token {constant} in JSON")


async def _after(first: Content, rest: AsyncIterator[Content]) -> AsyncIterator[Content]:
    yield first
    async for piece in rest:
        yield piece


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content
