# SPDX-License-Identifier: Apache-2.0
"""Foreign URLs: what is asked, and what is not, however it is written."""

from __future__ import annotations

import asyncio
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import certifi
import httpx
import pytest
import requests
import trustme

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import ForbiddenTarget, SettingsError
from airflow_provider_deflow.http import Targets

PUBLIC = Targets()
LAPTOP = Targets.of(["127.0.0.0/8"])
LAPTOP_AND_NAME = Targets.of(["127.0.0.0/8", "localhost"])

FOREIGN_TO_THE_WEB = [
    "file:///etc/passwd",
    "gopher://host/_x",
    "ftp://host/x",
    "dict://host:11211/stat",
    "ldap://host/x",
    "jar:http://host!/x",
    "data:text/plain,x",
    "//host/x",
    "http:///x",
    "http://",
    "http://host:99999/",
    "http://host:no/",
    "http://[::1/",
]

# Each is this machine, its network, or a cloud's metadata service, as it gets past a filter of texts.
NOT_PUBLIC = [
    "http://127.0.0.1/",
    "http://127.0.0.1:8080/",
    "http://127.1/",
    "http://127.255.255.254/",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0x0.0x0.0x1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://0/",
    "http://0.0.0.0/",
    "http://localhost/",
    "http://LOCALHOST/",
    "http://localhost./",
    "http://[::1]/",
    "http://[::]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[fe80::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[ff02::1]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.1.1/",
    "http://3232235777/",
    "http://100.64.0.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://0xa9fea9fe/latest/meta-data/",
    "http://2852039166/",
    "http://[::ffff:169.254.169.254]/",
    "http://[64:ff9b::a9fe:a9fe]/",
    "http://100.100.100.200/latest/meta-data/",
    "http://192.0.0.192/",
    "http://168.63.129.16/machine",
    "http://192.88.99.1/",
    "http://[fec0::1]/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    # Circled digits and letters, which some resolvers read as plain ones.
    "http://①②⑦.⓪.⓪.①/",
    "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
]

TRICKS = [
    "http://user@93.184.216.34/",
    "http://user:password@93.184.216.34/",
    "http://93.184.216.34@127.0.0.1/",
    "http://93.184.216.34:22/",
    "http://93.184.216.34:25/",
]


def fetch(kind: str, url: str, targets: Targets, **options: Any) -> tuple[int, str]:
    if kind == "session":
        with http.session(5, targets=targets) as session:
            response = session.get(url, **options)
            return response.status_code, response.text

    async def ask() -> tuple[int, str]:
        async with http.async_client(5, targets=targets) as client:
            response = await client.get(url)
            return response.status_code, response.text

    return asyncio.run(ask())


both = pytest.mark.parametrize("kind", ["session", "async_client"])


@pytest.fixture
def no_connections(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is refused must be refused before anybody is connected to."""

    def connect(self: socket.socket, address: Any) -> None:
        raise AssertionError(f"connected to {address}")

    monkeypatch.setattr(socket.socket, "connect", connect)
    monkeypatch.setattr(socket.socket, "connect_ex", connect)


@both
@pytest.mark.parametrize("url", FOREIGN_TO_THE_WEB)
def test_other_schemes_and_malformed_urls_are_not_fetched(no_connections, kind, url):
    with pytest.raises((ForbiddenTarget, requests.RequestException, httpx.InvalidURL, httpx.HTTPError)):
        fetch(kind, url, PUBLIC)
    with pytest.raises(ForbiddenTarget, match="is not fetched"):
        PUBLIC.require_url(url)


@both
@pytest.mark.parametrize("url", NOT_PUBLIC)
def test_no_way_of_writing_it_leads_inside(no_connections, kind, url):
    # A library may call an odd host malformed, or its name unknown, before it comes to us.
    refusals = (ForbiddenTarget, requests.exceptions.InvalidURL, httpx.InvalidURL, httpx.ConnectError)
    with pytest.raises((*refusals, requests.ConnectionError)):
        fetch(kind, url, PUBLIC)


@both
@pytest.mark.parametrize("url", TRICKS)
def test_users_and_ports_of_other_services_are_refused(no_connections, kind, url):
    with pytest.raises((ForbiddenTarget, httpx.InvalidURL, requests.exceptions.InvalidURL)) as raised:
        fetch(kind, url, PUBLIC)
    assert "password" not in str(raised.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://127.0.0.1/", "127.0.0.1 is not asked — its address 127.0.0.1 is this machine itself"),
        ("http://2130706433/", "2130706433 is not asked — its address 127.0.0.1 is this machine itself"),
        ("http://169.254.169.254/", "is a cloud's metadata service"),
        ("http://100.100.100.200/", "is a cloud's metadata service"),
        ("http://[fe80::1]/", "is on this machine's own link"),
        ("http://10.1.2.3/", "is not public"),
        ("http://224.0.0.1/", "is a group of machines"),
    ],
)
def test_the_error_says_which_address_and_what_it_is(no_connections, url, why):
    with pytest.raises(ForbiddenTarget, match="allow it by name or network") as raised:
        fetch("session", url, PUBLIC)
    assert why in str(raised.value)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_pass(address):
    PUBLIC.require_addresses("files.example", [address])


def test_one_inner_address_among_public_ones_refuses_them_all():
    with pytest.raises(ForbiddenTarget, match=r"its address 10\.0\.0\.7 is not public"):
        PUBLIC.require_addresses("files.example", ["93.184.216.34", "10.0.0.7"])


def test_an_allow_list_names_hosts_and_networks_and_nothing_else_passes():
    targets = Targets.of(["minio.internal", "10.1.0.0/16", "::1"])
    targets.require_addresses("MinIO.internal.", ["192.168.0.9"])
    targets.require_addresses("a.example", ["10.1.200.3", "::ffff:10.1.2.3", "::1"])
    for host, address in [("x.minio.internal", "192.168.0.9"), ("a.example", "10.2.0.1"), ("a", "127.0.0.1")]:
        with pytest.raises(ForbiddenTarget):
            targets.require_addresses(host, [address])


@pytest.mark.parametrize("entry", ["", "10.0.0.1/8", "http://host", "a b", "*", "10.0.0.256", "host:80"])
def test_an_allow_list_that_cannot_be_understood_is_an_error(entry):
    with pytest.raises(SettingsError, match="cannot be allowed as a target"):
        Targets.of([entry])


class Host(BaseHTTPRequestHandler):
    """Says which host it was asked as; /to?URL redirects there."""

    def do_GET(self) -> None:
        path, _, target = self.path.partition("?")
        body = self.headers["Host"].encode()
        self.send_response(302 if path == "/to" else 200)
        if path == "/to":
            self.send_header("Location", target)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., int]]:
    servers = []

    def start(context: ssl.SSLContext | None = None) -> int:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Host)
        if context:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        servers.append((server, thread))
        return server.server_port

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@both
def test_an_allowed_host_is_asked_under_its_name(serve, kind):
    port = serve()
    assert fetch(kind, f"http://localhost:{port}/", Targets.of(["localhost"])) == (200, f"localhost:{port}")
    assert fetch(kind, f"http://127.0.0.1:{port}/", LAPTOP) == (200, f"127.0.0.1:{port}")


@both
def test_every_hop_of_a_redirect_is_judged(serve, kind):
    port = serve()
    allowed = Targets.of(["localhost"])
    assert fetch(kind, f"http://localhost:{port}/to?/here", allowed) == (200, f"localhost:{port}")
    with pytest.raises(ForbiddenTarget, match=r"127\.0\.0\.1 is this machine itself"):
        fetch(kind, f"http://localhost:{port}/to?http://127.0.0.1:{port}/", allowed)
    elsewhere = fetch(kind, f"http://localhost:{port}/to?http://127.0.0.1:{port}/", LAPTOP_AND_NAME)
    assert elsewhere == (200, f"127.0.0.1:{port}"), "asked under its own name, not the first one's"
    with pytest.raises((ForbiddenTarget, requests.exceptions.InvalidSchema, httpx.UnsupportedProtocol)):
        fetch(kind, f"http://localhost:{port}/to?file:///etc/passwd", allowed)
    with pytest.raises((requests.TooManyRedirects, httpx.TooManyRedirects)):
        fetch(kind, f"http://localhost:{port}/to?/to?/to?/to?/to?/to?/to?/to?", Targets.of(["localhost"]))


@both
def test_a_name_that_changes_after_the_check_is_not_followed(serve, kind, monkeypatch):
    """DNS rebinding: the first answer is harmless, the next one is not; only the first is ever used."""
    port = serve()
    answers = ["127.0.0.1", "169.254.169.254"]

    def resolve(host: str, port: Any, *args: Any, **kwargs: Any) -> list[Any]:
        address = answers.pop(0) if host == "rebinding.example" else host
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port or 0)))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    assert fetch(kind, f"http://rebinding.example:{port}/", LAPTOP)[0] == 200
    assert answers == ["169.254.169.254"], "asked once"
    with pytest.raises(ForbiddenTarget, match="metadata service"):
        fetch(kind, f"http://rebinding.example:{port}/", LAPTOP)


@both
def test_a_certificate_is_checked_against_the_name_and_not_the_address(
    serve, kind, monkeypatch, tmp_path: Path
):
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "ca.pem"))
    port = serve(context)
    options = {"verify": str(tmp_path / "ca.pem")} if kind == "session" else {}

    assert fetch(kind, f"https://localhost:{port}/", Targets.of(["localhost"]), **options)[0] == 200
    with pytest.raises((requests.exceptions.SSLError, httpx.ConnectError)):
        fetch(kind, f"https://127.0.0.1:{port}/", LAPTOP, **options)
