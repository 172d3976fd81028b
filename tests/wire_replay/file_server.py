# SPDX-License-Identifier: Apache-2.0
"""The file server of the recordings, `file.test`: a real one, so that the node under test really fetches."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ALGORITHM = b"""\
value = open("/data/inputs/n.txt").read().strip()
print("answer", value)
open("/data/outputs/answer.txt", "w").write(value)
"""
FILES = {
    "/n.txt": ("text/plain; charset=utf-8", b"42\n"),
    "/data.csv": ("text/csv", b"a,b\n1,2\n3,4\n"),
    "/other/n.txt": ("text/plain; charset=utf-8", b"second file, same name\n"),
    "/algo.py": ("text/x-python", ALGORITHM),
}
# For those who send the header only.
PRIVATE = {"/auth.csv": ("text/csv", b"k,v\n1,2\n")}
# The recordings were made with whole seconds; the tests have less time.
SLOWNESS = 0.1


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if slow := re.match(r"/slow/(\d+)(/.*)", path):
            time.sleep(int(slow[1]) * SLOWNESS)
            path = slow[2]
        if status := re.match(r"/status/(\d+)", path):
            self._answer(int(status[1]))
        elif path in FILES:
            self._answer(200, *FILES[path])
        elif path in PRIVATE:
            self._answer(200, *PRIVATE[path]) if self.headers["x-api-key"] else self._answer(401)
        else:
            self._answer(404)

    do_HEAD = do_GET

    def do_PUT(self) -> None:
        self._read_body()
        self._answer(403 if self.path.startswith("/reject/") else 200)

    def _answer(self, status: int, content_type: str = "", content: bytes = b"") -> None:
        self.send_response(status)
        if content_type:
            self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _read_body(self) -> None:
        if self.headers.get("transfer-encoding") != "chunked":
            self.rfile.read(int(self.headers.get("content-length") or 0))
            return
        while size := int(self.rfile.readline(), 16):
            self.rfile.read(size + 2)
        self.rfile.readline()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def running_file_server() -> Iterator[str]:
    """Gives `host:port`; the host is a name, because nodes refuse 127.0.0.1 in file objects."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), name="file-server")
    thread.start()
    try:
        yield f"localhost:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
