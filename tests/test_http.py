# SPDX-License-Identifier: Apache-2.0
"""The guarded clients, against a real server on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
import requests
import trustme

from airflow_provider_deflow import errors, http


class Echo(BaseHTTPRequestHandler):
    """Answers with the request's own headers; /redirect points away, /hang never answers."""

    let_go = threading.Event()

    def do_GET(self):
        if self.path.startswith("/hang"):
            self.let_go.wait(10)
            return
        if self.path.startswith("/cut"):
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nfour")
            return
        self.send_response(302 if self.path.startswith("/redirect") else 200)
        if self.path.startswith("/redirect"):
            self.send_header("Location", "http://127.0.0.1:9/stolen")
        body = str(self.headers).encode()
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def url():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    Echo.let_go.set()
    server.shutdown()
    server.server_close()
    thread.join()


def fetch(url: str, kind: str, read_timeout_seconds: float = 5.0) -> tuple[int, str]:
    if kind == "session":
        with http.session(read_timeout_seconds) as session:
            response = session.get(url)
            return response.status_code, response.text

    async def ask() -> tuple[int, str]:
        async with http.async_client(read_timeout_seconds) as client:
            response = await client.get(url)
            return response.status_code, response.text

    return asyncio.run(ask())


both = pytest.mark.parametrize("kind", ["session", "async_client"])


@both
def test_a_request_says_who_asks_and_wants_bytes_as_they_are(url, kind):
    status, headers = fetch(url, kind)
    assert status == 200
    assert "airflow-provider-deflow/0.1.0" in headers
    assert "Accept-Encoding: identity" in headers


@both
def test_a_redirect_is_an_answer_and_not_followed(url, kind):
    assert fetch(f"{url}/redirect", kind)[0] == 302


@both
def test_proxies_and_netrc_of_the_environment_are_not_used(url, kind, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    status, headers = fetch(url, kind)
    assert status == 200
    assert "Authorization" not in headers


@both
def test_a_server_that_does_not_answer_is_given_up(url, kind):
    with pytest.raises((requests.Timeout, httpx.TimeoutException)) as raised:
        fetch(f"{url}/hang?signature=0xsecret", kind, read_timeout_seconds=0.2)
    assert http.explain(raised.value) == "no answer in time"
    assert http.may_have_arrived(raised.value)


@both
def test_a_cut_answer_may_have_arrived(url, kind):
    with pytest.raises((requests.RequestException, httpx.HTTPError)) as raised:
        fetch(f"{url}/cut", kind)
    assert http.explain(raised.value) == "the connection broke before the answer was whole"
    assert http.may_have_arrived(raised.value)


@both
def test_a_refused_connection_was_not_sent(kind):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises((requests.RequestException, httpx.HTTPError)) as raised:
        fetch(f"http://127.0.0.1:{port}/?signature=0xsecret", kind)
    assert http.explain(raised.value) == "the connection was refused"
    assert not http.may_have_arrived(raised.value)


def test_tls_that_breaks_after_the_request_may_have_carried_it(tmp_path):
    """Only a certificate that is not accepted is met before anything was sent."""
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))

    def serve(listening: socket.socket) -> None:
        for _ in range(2):
            plain, _ = listening.accept()
            with plain, contextlib.suppress(OSError), context.wrap_socket(plain, server_side=True) as secure:
                # Headers and body come in records of their own: all of it is read, or closing would reset.
                while not secure.recv(65536).endswith(b"x"):
                    pass
                # A record that no key made.
                os.write(secure.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
                os.read(secure.fileno(), 65536)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        url = f"https://localhost:{listening.getsockname()[1]}/"
        errors_met = []
        for verify in (str(tmp_path / "ca.pem"), True):
            with http.session(5) as session, pytest.raises(requests.RequestException) as raised:
                session.post(url, data=b"x", verify=verify)
            errors_met.append((http.may_have_arrived(raised.value), http.explain(raised.value)))
        thread.join()
    assert errors_met == [(True, "TLS failed"), (False, "its certificate was not accepted")]


@both
@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://host/x", "http:///x"])
def test_only_http_urls_of_a_host_are_fetched(kind, target):
    with pytest.raises((errors.ForbiddenTarget, requests.RequestException, httpx.UnsupportedProtocol)):
        fetch(target, kind)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://node.example:8001/api?signature=0x12&nonce=1", "http://node.example:8001/api?…"),
        ("https://me:secret@host/x", "https://host/x"),
        ("https://s3.example/b/k?X-Amz-Signature=abc#top", "https://s3.example/b/k?…"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("http://host:no/x", "(a malformed URL)"),
    ],
)
def test_a_url_is_shown_without_its_secrets(url, shown):
    assert http.redact(url) == shown


def test_a_body_is_read_up_to_its_cap():
    chunks = [b"ab", b"cd", b""]
    assert http.read_capped(iter(chunks).__next__, 4) == b"abcd"
    assert http.read_capped(iter(chunks).__next__, 3) is None
