# SPDX-License-Identifier: Apache-2.0
"""Stands between a client and an Ocean Node: keeps what passes, and loses what it is told to lose."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import requests


class Proxy:
    """`passed` are the requests so far, as "METHOD /path"; `lose_…` names one that is lost once.

    `sent` is what came with them: path with query, and body. At `meeting`, what it names waits for the others
    that are told of the same barrier, and goes on together with them.
    """

    def __init__(self, target: str) -> None:
        self.passed: list[str] = []
        self.sent: list[tuple[str, bytes]] = []
        self.lose_reply: str | None = None
        self.lose_request: str | None = None
        self.spoil_replies_after: str | None = None
        self.meeting: tuple[str, threading.Barrier] | None = None
        # Of each reply to a request only so many bytes go through, one after the other.
        self.cut_replies: dict[str, list[int]] = {}
        # What is put in place of what in each request's body.
        self.rewrite: tuple[bytes, bytes] = (b"", b"")
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _forward(self) -> None:
                proxy.forward(self, target)

            do_GET = do_POST = do_PUT = do_DELETE = _forward

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def go_away(self) -> None:
        """From now on connections are refused."""
        self._server.shutdown()
        self._server.server_close()

    def forward(self, handler: BaseHTTPRequestHandler, target: str) -> None:
        what = f"{handler.command} {urlsplit(handler.path).path}"
        body = _body(handler)
        if all(self.rewrite):
            body = body.replace(*self.rewrite)
        self.passed.append(what)
        self.sent.append((handler.path, body))
        if self.lose_request == what:
            self.lose_request = None
            handler.connection.close()
            handler.close_connection = True
            return
        headers = {k: v for k, v in handler.headers.items() if k.lower() in ("content-type", "authorization")}
        if self.spoil_replies_after in self.passed[:-1]:
            handler.send_response(200)
            handler.send_header("Content-Length", "4")
            handler.end_headers()
            handler.wfile.write(b"<ht>")
            return
        if self.meeting and self.meeting[0] == what:
            self.meeting[1].wait()
        reply = requests.request(
            handler.command, target + handler.path, data=body, headers=headers, timeout=60
        )
        if self.lose_reply == what:
            self.lose_reply = None
            handler.connection.close()
            handler.close_connection = True
            return
        handler.send_response(reply.status_code)
        handler.send_header("Content-Type", reply.headers.get("Content-Type", "application/octet-stream"))
        handler.send_header("Content-Length", str(len(reply.content)))
        handler.end_headers()
        cuts = self.cut_replies.get(what)
        if cuts:
            handler.wfile.write(reply.content[: cuts.pop(0)])
            handler.close_connection = True
            return
        handler.wfile.write(reply.content)


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding") != "chunked":
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    body = b""
    while size := int(handler.rfile.readline(), 16):
        body += handler.rfile.read(size)
        handler.rfile.readline()
    handler.rfile.readline()
    return body


@contextmanager
def between(target: str) -> Iterator[Proxy]:
    proxy = Proxy(target)
    thread = threading.Thread(target=proxy._server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield proxy
    finally:
        proxy.go_away()
        thread.join()
