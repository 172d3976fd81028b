# SPDX-License-Identifier: Apache-2.0
"""The way to a chain.

An RPC URL often carries a key in its path or query, and the HTTP library's errors show URLs whole. So
errors are turned into ours here, which name the host only.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from typing import Any
from urllib.parse import urlsplit

import requests
from web3 import HTTPProvider, Web3
from web3.exceptions import BadResponseFormat, Web3RPCError
from web3.providers.rpc.utils import REQUEST_RETRY_ALLOWLIST, ExceptionRetryConfiguration
from web3.types import RPCEndpoint, RPCResponse

from airflow_provider_deflow.errors import ChainUnreachable, SettingsError, WrongChain

# What web3 raises when an endpoint answers with an error of its own instead of what was asked. A contract
# that no call can end well of looks the same.
ENDPOINT_ERRORS = (BadResponseFormat, Web3RPCError)

_TIMEOUT_SECONDS = 30.0
_READ_ATTEMPTS = 3
# A transaction is never sent again behind our back; web3 would.
_READS = [method for method in REQUEST_RETRY_ALLOWLIST if "send" not in method]


def connect(
    rpc_url: str,
    *,
    chain_id: int | None = None,
    timeout_seconds: float = _TIMEOUT_SECONDS,
    read_attempts: int = _READ_ATTEMPTS,
) -> Web3:
    """A chain behind `rpc_url`; with `chain_id` it is asked now whether it is that one."""
    if urlsplit(rpc_url).scheme not in ("http", "https") or not urlsplit(rpc_url).hostname:
        raise SettingsError(
            "the RPC URL is malformed — it must begin with http:// or https:// and name a host"
        )
    web3 = Web3(_Provider(rpc_url, timeout_seconds, read_attempts))
    if chain_id is not None and (actual := web3.eth.chain_id) != chain_id:
        raise WrongChain(
            f"the RPC endpoint {_host(rpc_url)} serves chain {actual}, not {chain_id} — "
            "correct the RPC URL or the chain id"
        )
    return web3


@contextmanager
def answering(web3: Web3) -> Iterator[None]:
    """An endpoint that answers with an error of its own is as good as away. Raises `ChainUnreachable`."""
    try:
        yield
    except ENDPOINT_ERRORS as error:
        host = _host(str(getattr(web3.provider, "endpoint_uri", "")))
        raise ChainUnreachable(
            f"the RPC endpoint {host} refused a question — {rpc_words(error)}; "
            "try again later, or choose another endpoint"
        ) from error


def rpc_words(error: Exception) -> str:
    """What the endpoint said, without what web3 says about it."""
    response = getattr(error, "rpc_response", None) or {}
    details = response.get("error")
    return str(details["message"]) if isinstance(details, dict) and "message" in details else str(error)


class _Provider(HTTPProvider):
    def __init__(self, rpc_url: str, timeout_seconds: float, read_attempts: int) -> None:
        retries = ExceptionRetryConfiguration(
            errors=(requests.ConnectionError, requests.Timeout),
            retries=read_attempts,
            method_allowlist=_READS,
        )
        super().__init__(rpc_url, {"timeout": timeout_seconds}, exception_retry_configuration=retries)
        self._host = _host(rpc_url)

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        try:
            return super().make_request(method, params)
        except (requests.RequestException, JSONDecodeError) as error:
            # Its text has the URL, so it is not chained.
            raise ChainUnreachable(
                f"the RPC endpoint {self._host} did not answer {method} ({type(error).__name__}) — "
                "try again later, or choose another endpoint"
            ) from None


def _host(rpc_url: str) -> str:
    parts = urlsplit(rpc_url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
