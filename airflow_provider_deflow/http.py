# SPDX-License-Identifier: Apache-2.0
"""The HTTP clients all requests go through, and what is true of each of them.

One for a worker that may wait (`session`, requests) and one for a triggerer that may not
(`async_client`, httpx). Both have timeouts, follow no redirect, take nothing from the environment
(no proxy, no .netrc, which would replace an Ocean Node's token), ask for bodies as they are, and
pass every target through `check_target`.

Queries carry signatures, tokens and signed URLs, and HTTP libraries put the whole URL into their
errors. So no text of theirs is ever shown: `redact` a URL, and `explain` a failure.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, SSLError

from airflow_provider_deflow import __version__
from airflow_provider_deflow.errors import ForbiddenTarget

CONNECT_TIMEOUT_SECONDS = 10.0
READ_TIMEOUT_SECONDS = 30.0

_HEADERS = {
    "User-Agent": f"airflow-provider-deflow/{__version__}",
    # A result's size is announced as it is on the node's disk; and nothing small can unpack to much.
    "Accept-Encoding": "identity",
    "Accept": "*/*",
}


def check_target(url: str) -> None:
    """The one gate for every URL that is fetched. Raises `ForbiddenTarget`."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ForbiddenTarget(
            f"{redact(url)} is not fetched — only http:// and https:// URLs are; correct it"
        )


def redact(url: str) -> str:
    """`url` for messages: without credentials, and without the values of its query."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "(a malformed URL)"
    host = f"[{host}]" if ":" in host else host
    query = "?…" if parts.query else ""
    return f"{parts.scheme}://{host}{port}{parts.path}{query}"


class _Session(requests.Session):
    def __init__(self, read_timeout_seconds: float) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.update(_HEADERS)
        self._timeout = (CONNECT_TIMEOUT_SECONDS, read_timeout_seconds)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        check_target(request.url or "")
        if kwargs.get("timeout") is None:
            kwargs["timeout"] = self._timeout
        return super().send(request, **kwargs)

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """None: a signed request that is sent on would hand its signature to another host."""
        return None


def session(read_timeout_seconds: float = READ_TIMEOUT_SECONDS) -> requests.Session:
    """A guarded session for code that may block."""
    return _Session(read_timeout_seconds)


def async_client(read_timeout_seconds: float = READ_TIMEOUT_SECONDS) -> httpx.AsyncClient:
    """A guarded client for an event loop; it belongs to the loop that uses it first."""

    async def check(request: httpx.Request) -> None:
        check_target(str(request.url))

    return httpx.AsyncClient(
        headers=_HEADERS,
        timeout=httpx.Timeout(read_timeout_seconds, connect=CONNECT_TIMEOUT_SECONDS),
        follow_redirects=False,
        trust_env=False,
        event_hooks={"request": [check]},
    )


_NOT_SENT = (NewConnectionError, NameResolutionError, ConnectTimeoutError, SSLError)


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
        SSLError: "its certificate was not accepted",
        requests.exceptions.SSLError: "its certificate was not accepted",
        httpx.ConnectError: "the connection was refused",
    }
    found = next((text for kind, text in texts.items() if isinstance(_reason(error), kind)), None)
    return found or "the connection broke before the answer was whole"


def _reason(error: BaseException) -> BaseException:
    """The innermost cause that urllib3 hid in a MaxRetryError."""
    inner = error.args[0] if error.args else None
    reason = getattr(inner, "reason", inner)
    return reason if isinstance(reason, BaseException) else error


def read_capped(chunks: Callable[[], bytes], limit_bytes: int) -> bytes | None:
    """All chunks until an empty one; None when there are more than `limit_bytes`."""
    body = bytearray()
    while chunk := chunks():
        body += chunk
        if len(body) > limit_bytes:
            return None
    return bytes(body)
