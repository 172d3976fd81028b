# SPDX-License-Identifier: Apache-2.0
"""The HTTP clients all requests go through, and what is true of each of them.

One for a worker that may wait (`session`, requests) and one for a triggerer that may not
(`async_client`, httpx). Both have timeouts, take nothing from the environment (no proxy, no .netrc, which
would replace an Ocean Node's token) and ask for bodies as they are.

A URL from a connection was chosen by who runs Airflow: it may point anywhere, and no redirect takes a signed
request elsewhere. A URL that a graph or a DDO brings was chosen by a stranger: give `targets`, and every
hop of it is judged by the address that is connected to.

Queries carry signatures, tokens and signed URLs, and HTTP libraries put the whole URL into their
errors. So no text of theirs is ever shown: `redact` a URL, and `explain` a failure.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from ssl import SSLCertVerificationError
from typing import Any

import httpx
import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, SSLError

from airflow_provider_deflow import __version__
from airflow_provider_deflow.http.pinning import PinnedAdapter, PinnedTransport
from airflow_provider_deflow.http.targets import Targets, redact, require_web_url

__all__ = [
    "CONNECT_TIMEOUT_SECONDS",
    "READ_TIMEOUT_SECONDS",
    "Targets",
    "async_client",
    "explain",
    "may_have_arrived",
    "read_capped",
    "redact",
    "session",
]

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 30.0

_HEADERS = {
    "User-Agent": f"airflow-provider-deflow/{__version__}",
    # A result's size is announced as it is on the node's disk; and nothing small can unpack to much.
    "Accept-Encoding": "identity",
    "Accept": "*/*",
}


_MAX_REDIRECTS = 5


class _Session(requests.Session):
    def __init__(self, read_timeout_seconds: float, targets: Targets | None) -> None:
        super().__init__()
        self.trust_env = False
        self.max_redirects = _MAX_REDIRECTS
        self.headers.update(_HEADERS)
        self._timeout = (CONNECT_TIMEOUT_SECONDS, read_timeout_seconds)
        self._follows = targets is not None
        if targets is not None:
            for scheme in ("http://", "https://"):
                self.mount(scheme, PinnedAdapter(targets))

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        require_web_url(request.url or "")
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, **kwargs)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: a signed request that is sent on would hand its signature to another host."""
        return super().get_redirect_target(resp) if self._follows else None


def session(
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS, *, targets: Targets | None = None
) -> requests.Session:
    """For code that may block; with `targets`, for foreign URLs. Raises `ForbiddenTarget` when it is used."""
    return _Session(read_timeout_seconds, targets)


def async_client(
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS, *, targets: Targets | None = None
) -> httpx.AsyncClient:
    """For an event loop, the one that uses it first; with `targets`, for foreign URLs, as `session`."""

    async def check(request: httpx.Request) -> None:
        require_web_url(str(request.url))

    return httpx.AsyncClient(
        headers=_HEADERS,
        timeout=httpx.Timeout(read_timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS),
        follow_redirects=targets is not None,
        max_redirects=_MAX_REDIRECTS,
        trust_env=False,
        event_hooks={"request": [check]},
        transport=PinnedTransport(targets) if targets is not None else None,
    )


_NOT_SENT = (NewConnectionError, NameResolutionError, ConnectTimeoutError, SSLCertVerificationError)


def may_have_arrived(error: requests.RequestException | httpx.HTTPError) -> bool:
    """False only when it is certain that the other side never saw the request."""
    if isinstance(
        error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, requests.ConnectTimeout)
    ):
        return False
    return not isinstance(_reason(error), _NOT_SENT)


def explain(error: requests.RequestException | httpx.HTTPError) -> str:
    """What went wrong, in words of ours: the libraries' own quote the whole URL."""
    if isinstance(error, (requests.ConnectTimeout, httpx.ConnectTimeout)):
        return f"no connection within {CONNECT_TIMEOUT_SECONDS:g} s"
    if isinstance(error, (requests.Timeout, httpx.TimeoutException)):
        return "no answer in time"
    texts: dict[type[BaseException], str] = {
        NameResolutionError: "the host's name is not known",
        NewConnectionError: "the connection was refused",
        SSLCertVerificationError: "its certificate was not accepted",
        SSLError: "TLS failed",
        ssl.SSLError: "TLS failed",
        httpx.ConnectError: "the connection was refused",
    }
    found = next((text for kind, text in texts.items() if isinstance(_reason(error), kind)), None)
    return found or "the connection broke before the answer was whole"


def _reason(error: BaseException) -> BaseException:
    """The innermost cause that urllib3 hid in a MaxRetryError, and TLS in an error of urllib3."""
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    if not isinstance(reason, BaseException):
        return error
    within = reason.args[0] if isinstance(reason, SSLError) and reason.args else None
    return within if isinstance(within, ssl.SSLError) else reason


def read_capped(chunks: Callable[[], bytes], limit_bytes: int) -> bytes | None:
    """All chunks until an empty one; None when there are more than `limit_bytes`."""
    body = bytearray()
    while chunk := chunks():
        body += chunk
        if len(body) > limit_bytes:
            return None
    return bytes(body)
