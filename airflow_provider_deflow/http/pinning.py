# SPDX-License-Identifier: Apache-2.0
"""Requests to foreign hosts: the name is resolved once, judged, and that very address is connected to.

Between a check and a second look-up a name can change what it stands for. So the URL that goes to the
connection holds the address; the name stays where the other side needs it: in the Host header and in TLS,
whose certificate is checked against it. Every hop of a redirect passes here anew.
"""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx
import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import NameResolutionError

from airflow_provider_deflow.http.targets import Targets

# Connections are not kept: one that was opened for one name must not carry requests for another.
_NO_KEEPING = httpx.Limits(max_keepalive_connections=0)


class PinnedTransport(httpx.AsyncBaseTransport):
    """For an event loop."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._transport = httpx.AsyncHTTPTransport(limits=_NO_KEEPING, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self._targets.require_url(str(request.url))
        host, port = request.url.host, request.url.port
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx.ConnectError(f"the name of {host} is not known", request=request) from error
        pinned = httpx.Request(
            request.method,
            request.url.copy_with(host=_judged(self._targets, host, found)),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": host},
        )
        return await self._transport.handle_async_request(pinned)

    async def aclose(self) -> None:
        await self._transport.aclose()


class PinnedAdapter(HTTPAdapter):
    """For code that may block."""

    def __init__(self, targets: Targets) -> None:
        super().__init__()
        self._targets = targets

    def build_connection_pool_key_attributes(
        self, request: requests.PreparedRequest, verify: bool | str, cert: Any = None
    ) -> tuple[Any, Any]:
        self._targets.require_url(request.url or "")
        at, security = super().build_connection_pool_key_attributes(request, verify, cert)
        host = at["host"]
        try:
            found = socket.getaddrinfo(host, at["port"], type=socket.SOCK_STREAM)
        except OSError as error:
            raise requests.ConnectionError(
                NameResolutionError(host, None, error),  # type: ignore[arg-type]  # no connection yet
                request=request,
            ) from None
        in_tls = {"server_hostname": host, "assert_hostname": host} if at["scheme"] == "https" else {}
        return {**at, "host": _judged(self._targets, host, found)}, {**security, **in_tls}

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
        # On a copy: after a redirect the next host is another one.
        request = request.copy()
        request.headers["Host"] = httpx.URL(request.url or "").netloc.decode()
        return super().send(request, *args, **kwargs)


def _judged(targets: Targets, host: str, found: list[Any]) -> str:
    """The address to use: IPv4 first, which is what most machines can reach."""
    addresses = [str(entry[4][0]) for entry in sorted(found, key=lambda entry: entry[0] != socket.AF_INET)]
    targets.require_addresses(host, addresses)
    return addresses[0]
