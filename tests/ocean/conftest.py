# SPDX-License-Identifier: Apache-2.0
"""A real HTTP server that answers by a script: what a working Ocean Node does seldom, on demand."""

from __future__ import annotations

import base64
import json
import threading
from collections import defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from airflow_provider_deflow.signing import KeySigner

WIRE = Path(__file__).parents[1] / "wire"


class ScriptedNode:
    """`answer` sets what a route says, one reply after the other, the last one for ever.

    A reply is `(status, value)`, value bytes or JSON, or a function of the request handler, which may
    then hang up in the middle. `asked` are the requests that came, as dicts.
    """

    def __init__(self) -> None:
        self.asked: list[dict] = []
        self._script: dict[tuple[str, str], list] = defaultdict(list)
        self._lock = threading.Lock()
        node = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                node.serve(self)

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, method: str, path: str, *replies) -> None:
        self._script[(method, path)] = list(replies)

    def paths(self) -> list[str]:
        return [f"{asked['method']} {asked['path']}" for asked in self.asked]

    def serve(self, handler: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(handler.path)
        asked = {
            "method": handler.command,
            "path": parts.path,
            "query": {key: values[0] for key, values in parse_qs(parts.query).items()},
            "headers": {key.lower(): value for key, value in handler.headers.items()},
            "body": _read_body(handler),
        }
        with self._lock:
            self.asked.append(asked)
            replies = self._script[(handler.command, parts.path)]
            reply = (replies.pop(0) if len(replies) > 1 else replies[0]) if replies else (404, b"no script")
        if callable(reply):
            reply(handler)
            return
        status, value = reply
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        handler.send_response(status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


def _read_body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding") == "chunked":
        body = b""
        while size := int(handler.rfile.readline(), 16):
            body += handler.rfile.read(size)
            handler.rfile.readline()
        handler.rfile.readline()
        return body
    return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))


def chunked(*chunks: bytes, end: bool = True):
    """A reply like an Ocean Node's results: no length, and cut off in the middle unless `end`."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for chunk in chunks:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        if end:
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.close_connection = True

    return reply


def hang_up(handler: BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


@pytest.fixture
def scripted_node():
    node = ScriptedNode()
    node.chunked = chunked
    node.hang_up = hang_up
    yield node
    node.close()


@pytest.fixture(scope="session")
def signer() -> KeySigner:
    """Account 1 of the public test mnemonic "test test … junk"."""
    return KeySigner("0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d")


class Recordings:
    """Exchanges with a real Ocean Node, by the file and name they have in tests/wire."""

    def __init__(self) -> None:
        self._files: dict[str, list[dict]] = {}

    def __call__(self, file: str, name: str) -> dict:
        return next(exchange for exchange in self.all(file) if exchange["name"] == name)

    def all(self, file: str) -> list[dict]:
        if file not in self._files:
            self._files[file] = json.loads((WIRE / f"{file}.json").read_text())
        return self._files[file]

    def jobs(self, file: str) -> dict[str, dict]:
        """The job in each reply that holds exactly one, by the exchange's name."""
        bodies = {e["name"]: (e["response"]["body"] or {}).get("json") for e in self.all(file)}
        lists = {name: body for name, body in bodies.items() if isinstance(body, list) and len(body) == 1}
        return {name: jobs[0] for name, jobs in lists.items() if "jobId" in jobs[0]}

    def body(self, file: str, name: str) -> bytes:
        """The reply's bytes as they came, where they were kept whole."""
        body = self(file, name)["response"]["body"]
        if body is None:
            return b""
        if "json" in body:
            return json.dumps(body["json"], separators=(",", ":"), ensure_ascii=False).encode()
        return body["text"].encode() if "text" in body else base64.b64decode(body["base64"])


@pytest.fixture(scope="session")
def recorded() -> Recordings:
    return Recordings()


@pytest.fixture
def quick(monkeypatch):
    """Pauses between attempts are for real networks; here they are tried at once."""
    from airflow_provider_deflow.ocean import exchange

    monkeypatch.setattr(exchange, "PAUSE_SECONDS", 0.0)
