# SPDX-License-Identifier: Apache-2.0
"""GitHub's contents API and raw files for one repository, by its documented answers, in memory."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

WRITES, READS = "ghp_canary-write", "github_pat_canary-read"

Answer = tuple[int, Any, dict[str, str]]


@dataclass
class Github:
    """One repository, `ocean/outputs`."""

    private: bool = True
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    # Asked before each answer; what it gives is answered instead.
    instead: Callable[[str, str], Answer | None] = lambda method, path: None
    url: str = ""

    @property
    def commits(self) -> int:
        return sum(one.startswith("PUT") for one in self.asked)

    def connection(self, **extra: Any) -> dict[str, Any]:
        """As Airflow reads it."""
        about = {"owner": "ocean", "repo": "outputs", "read_token": READS, **extra}
        return {"conn_type": "github", "host": self.url, "password": WRITES, "extra": about}

    def answer(self, method: str, target: str, token: str, body: bytes) -> Answer:
        parts = urlsplit(target)
        path = unquote(parts.path)
        self.asked.append(f"{method} {path}")
        if other := self.instead(method, path):
            return other
        if path.startswith("/raw/ocean/outputs/main/"):
            return self._raw(path.removeprefix("/raw/ocean/outputs/main/"), token)
        if token != f"Bearer {WRITES}":
            return 401, {"message": "Bad credentials", "status": "401"}, {}
        if path == "/repos/ocean/outputs":
            return 200, {"private": self.private, "default_branch": "main"}, {}
        place = path.removeprefix("/repos/ocean/outputs/contents/")
        if place == path:
            return 404, {"message": "Not Found", "status": "404"}, {}
        if method == "PUT":
            return self._put(place, json.loads(body))
        if parse_qs(parts.query)["ref"] != ["main"]:
            return 404, {"message": "No commit found for the ref", "status": "404"}, {}
        listed = [self._about(one) for one in self.files if one.startswith(f"{place}/")]
        return (200, listed, {}) if listed else (404, {"message": "Not Found", "status": "404"}, {})

    def _put(self, path: str, body: dict[str, Any]) -> Answer:
        if body["branch"] != "main":
            return 404, {"message": f"Branch {body['branch']} not found", "status": "404"}, {}
        if path in self.files and "sha" not in body:
            words = 'Invalid request.\n\n"sha" wasn\'t supplied.'
            return 422, {"message": words, "status": "422"}, {}
        self.files[path] = base64.b64decode(body["content"], validate=True)
        return 201, {"content": self._about(path), "commit": {"message": body["message"]}}, {}

    def _about(self, path: str) -> dict[str, Any]:
        content = self.files[path]
        raw = f"{self.url}/raw/ocean/outputs/main/{quote(path)}"
        return {
            "type": "file",
            "name": path.rpartition("/")[2],
            "path": path,
            "size": len(content),
            "sha": hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest(),
            # As GitHub does: one that ends within minutes.
            "download_url": f"{raw}?token=short-lived" if self.private else raw,
        }

    def _raw(self, path: str, token: str) -> Answer:
        if path not in self.files or (self.private and token != f"token {READS}"):
            return 404, b"404: Not Found", {}
        return 200, self.files[path], {}


@contextmanager
def running_github(**about: Any) -> Iterator[Github]:
    github = Github(**about)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer()

        do_PUT = do_HEAD = do_GET

        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            token = self.headers.get("authorization", "")
            method = "GET" if self.command == "HEAD" else self.command
            status, said, headers = github.answer(method, self.path, token, body)
            content = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("localhost", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    github.url = f"http://localhost:{server.server_port}"
    try:
        yield github
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
