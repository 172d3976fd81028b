# SPDX-License-Identifier: Apache-2.0
"""A web server with a few files, which says what it was asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FileServer(BaseHTTPRequestHandler):
    """`/n.txt`, `/algo.py`, `/private.txt` for those with a header, `/moved.txt`; else 404. Takes every PUT
    but those below `/reject/`."""

    asked: list[str] = []  # noqa: RUF012 - one server, one list
    files = {  # noqa: RUF012
        "/n.txt": b"42\n",
        "/a%20b.txt": b"blank",
        "/algo.py": b"print('fetched', open('/data/inputs/n.txt').read().strip())",
    }

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self.asked.append(self.path)
        allowed = path == "/private.txt" and self.headers["x-api-key"] == "local"
        content = b"secret" if allowed else self.files.get(path)
        if path == "/moved.txt":
            self.send_response(302)
            self.send_header("location", "/n.txt")
            self.send_header("content-length", "0")
            self.end_headers()
            return
        self.send_response(404 if content is None else 200)
        self.send_header("content-type", "text/csv")
        self.send_header("content-length", str(len(content or b"")))
        self.end_headers()
        self.wfile.write(content or b"")

    # path → headers and body
    taken: dict[str, tuple[dict[str, str], bytes]] = {}  # noqa: RUF012

    def do_PUT(self) -> None:
        content = b""
        while length := int(self.rfile.readline(), 16):
            content += self.rfile.read(length)
            self.rfile.readline()
        self.rfile.readline()
        self.taken[self.path] = ({name.lower(): value for name, value in self.headers.items()}, content)
        self.send_response(403 if self.path.startswith("/reject/") else 201)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running_file_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), FileServer)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()
