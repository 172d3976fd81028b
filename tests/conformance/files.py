# SPDX-License-Identifier: Apache-2.0
"""A web server of this machine that an Ocean Node on the same machine fetches from and uploads to.

It goes by the name `localhost`: a node refuses 127.0.0.1 by default.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

CONTENTS = {
    "/n.txt": (b"42\n", "text/plain"),
    "/other/n.txt": (b"second file, same name\n", "text/plain"),
    "/data.csv": (b"a,b\n1,2\n", "text/csv"),
    "/algo.py": (b"print('answer', open('/data/inputs/n.txt').read().strip())\n", "text/x-python"),
}


class Files:
    """The server's address, what was uploaded to it, and what it did not take."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.uploaded: dict[str, bytes] = {}
        self.refused: list[str] = []
        # (path with query, header x-api-key) of each GET
        self.requested: list[tuple[str, str | None]] = []

    def object(self, path: str, **fields: object) -> dict[str, object]:
        """The file object of what is at `path`."""
        return {"type": "url", "url": self.url + path, "method": "GET", **fields}


@contextmanager
def serving_files() -> Iterator[Files]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            files.requested.append((self.path, self.headers["x-api-key"]))
            content, kind = CONTENTS.get(urlsplit(self.path).path, (b"", ""))
            self._answer(200 if content else 404, content, kind or "text/plain")

        def do_HEAD(self) -> None:
            self.do_GET()

        def do_PUT(self) -> None:
            body = self._body()
            if self.path.startswith("/reject/"):
                files.refused.append(self.path)
                self._answer(403, b"no", "text/plain")
                return
            files.uploaded[self.path] = body
            self._answer(200, b"", "text/plain")

        def _body(self) -> bytes:
            if self.headers["transfer-encoding"] != "chunked":
                return self.rfile.read(int(self.headers["content-length"] or 0))
            body = b""
            while size := int(self.rfile.readline().strip(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _answer(self, status: int, content: bytes, kind: str) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, *arguments: object) -> None:
            """Not into the tests' output."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    files = Files(f"http://localhost:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, name="files")
    thread.start()
    try:
        yield files
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
