# SPDX-License-Identifier: Apache-2.0
"""A registry of images over real HTTP: what it has, whom it lets in, and how it fails when it is told to."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"


class Registry:
    """`asked` are the requests so far, as "/path"; `gives_tokens` makes it want one, as public ones do.

    `refusal` is what everything is answered with; `is_silent` lets every answer wait until the end.
    """

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.gives_tokens = False
        self.refusal: tuple[int, dict[str, Any]] | None = None
        self.is_silent = False
        self._contents: dict[str, tuple[str, bytes]] = {}
        self._over = threading.Event()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_port}"

    def add(self, repository: str, tag: str, *platforms: str) -> str:
        """An image as a list of its platforms; its name as a graph says it."""
        listed = [
            {"digest": _digest(one.encode()), "platform": _parts(one)}
            for one in (*platforms, "unknown/unknown")
        ]
        self._put(repository, tag, INDEX, {"manifests": listed})
        return f"{self.host}/{repository}:{tag}"

    def add_single(self, repository: str, tag: str, platform: str) -> str:
        """An image of one platform, which only its configuration names."""
        config = json.dumps(_parts(platform)).encode()
        self._contents[f"/v2/{repository}/blobs/{_digest(config)}"] = ("application/json", config)
        self._put(repository, tag, MANIFEST, {"config": {"digest": _digest(config)}})
        return f"{self.host}/{repository}:{tag}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        self.asked.append(parts.path)
        if self.is_silent:
            self._over.wait()
            return
        if self.refusal:
            _reply(handler, *self.refusal)
            return
        query = parse_qs(parts.query)
        if parts.path == "/token":
            _reply(handler, 200, {"token": f"for {query['scope'][0]}"})
            return
        scope = (
            f"repository:{parts.path.removeprefix('/v2/').split('/manifests/')[0].split('/blobs/')[0]}:pull"
        )
        if self.gives_tokens and handler.headers["Authorization"] != f"Bearer for {scope}":
            challenge = f'Bearer realm="http://{self.host}/token",service="tests",scope="{scope}"'
            _reply(handler, 401, _error("UNAUTHORIZED"), {"WWW-Authenticate": challenge})
        elif parts.path in self._contents:
            kind, content = self._contents[parts.path]
            _reply(handler, 200, content, {"Content-Type": kind})
        else:
            _reply(handler, 404, _error("MANIFEST_UNKNOWN", "manifest unknown"))

    def close(self) -> None:
        self._over.set()
        self._server.shutdown()
        self._server.server_close()

    def serve(self) -> None:
        self._server.serve_forever(0.01)

    def _put(self, repository: str, tag: str, kind: str, manifest: dict[str, Any]) -> None:
        content = json.dumps({"schemaVersion": 2, "mediaType": kind, **manifest}).encode()
        for version in (tag, _digest(content)):
            self._contents[f"/v2/{repository}/manifests/{version}"] = (kind, content)


@contextmanager
def running() -> Iterator[Registry]:
    registry = Registry()
    thread = threading.Thread(target=registry.serve)
    thread.start()
    try:
        yield registry
    finally:
        registry.close()
        thread.join()


def _error(code: str, message: str = "") -> dict[str, Any]:
    return {"errors": [{"code": code, "message": message}]}


def _reply(
    handler: BaseHTTPRequestHandler, status: int, body: object, headers: dict[str, str] | None = None
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(content)))
    for name, value in (headers or {}).items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)


def _parts(platform: str) -> dict[str, str]:
    os, _, architecture = platform.partition("/")
    return {"os": os, "architecture": architecture}


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
