# SPDX-License-Identifier: Apache-2.0
"""A web server with a few files, which says what it was asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FileServer(BaseHTTPRequestHandler):
    """`/n.txt`, `/algo.py`, `/private.txt` for those with a header, `/moved.txt`; else 404."""

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
