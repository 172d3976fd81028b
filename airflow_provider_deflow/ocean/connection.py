# SPDX-License-Identifier: Apache-2.0
"""The wire under `OceanNode`: one request at a time, in its turn, signed, and read to its end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from typing import Any, BinaryIO, TypeVar

import requests
import tenacity

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import OceanNodeBusy, OceanNodeError
from airflow_provider_deflow.ocean import exchange, routes
from airflow_provider_deflow.ocean.allowance import Allowance
from airflow_provider_deflow.ocean.nonces import NonceLane
from airflow_provider_deflow.ocean.routes import Route
from airflow_provider_deflow.ocean.shared_state import SharedState
from airflow_provider_deflow.signing import Signer

T = TypeVar("T")

_CHUNK_BYTES = 1 << 20
# More than all buffers between here and the node: once so much is gone, it is reading the file, so it
# has taken the signature, and others may sign again.
_SURELY_READ_BYTES = 16 << 20


# Told of each request that was answered (None) or was not, and of the Ocean Node's URL.
Observer = Callable[[Route[Any], str, Exception | None], None]

# By then a node has long taken the signature of a request that it answers late.
_SURELY_TAKEN_SECONDS = 1.0


def _nothing() -> None:
    """What most requests need before they are sent."""


def nobody(route: Route[Any], url: str, error: Exception | None) -> None:
    """Who observes most clients."""


class Connection:
    """What keeps one client's requests in order."""

    def __init__(
        self,
        url: str,
        signer: Signer | None,
        token: str | None,
        state: SharedState,
        *,
        requests_per_minute: int,
        timeout_seconds: float,
        observe: Observer | None = None,
    ) -> None:
        self._url = url
        self._observe = observe or nobody
        self._signer = signer
        self._token = token
        self._state = state
        self._name = exchange.state_name(url)
        self._session = http.session(timeout_seconds)
        self._allowance = Allowance(state, self._name, requests_per_minute)

    def close(self) -> None:
        """Let go of kept connections; the next request makes a new one."""
        self._session.close()

    def ask(
        self, route: Route[T], file: BinaryIO | None = None, before_send: Callable[[], None] = _nothing
    ) -> T:
        """The value of the reply. `before_send` is called at the last moment, when all waiting is over."""
        start = file.tell() if file else 0

        def once() -> T:
            if file:
                file.seek(start)
            with self._observed(route):
                with self._sent(route, file, before_send) as response:
                    try:
                        body = _body(response, exchange.MAX_BODY_BYTES)
                    except requests.RequestException as error:
                        raise exchange.broken(route, self._url, error) from None
                return exchange.answer(route, self._url, body)

        return tenacity.Retrying(**exchange.repetition(route))(once)

    @contextmanager
    def open(
        self, route: Route[None], read_timeout_seconds: float | None = None
    ) -> Iterator[Iterator[bytes]]:
        """The bytes of a reply as they come; only the opening is tried again, never the reading."""
        with ExitStack() as stack:

            def once() -> requests.Response:
                with self._observed(route):
                    sent = self._sent(route, read_timeout_seconds=read_timeout_seconds)
                    return stack.enter_context(sent)

            response = tenacity.Retrying(**exchange.repetition(route))(once)
            yield response.iter_content(_CHUNK_BYTES)

    @contextmanager
    def _observed(self, route: Route[Any]) -> Iterator[None]:
        try:
            yield
        except OceanNodeError as error:
            self._observe(route, self._url, error)
            raise
        self._observe(route, self._url, None)

    @contextmanager
    def _sent(
        self,
        route: Route[T],
        file: BinaryIO | None = None,
        before_send: Callable[[], None] = _nothing,
        read_timeout_seconds: float | None = None,
    ) -> Iterator[requests.Response]:
        """The answer to one request, when it is 200; the lane of nonces is held until its headers.

        Of a route that answers late it is let go before: others of this wallet would wait in vain.
        """
        self._wait_for_place(route)
        with ExitStack() as lane:
            if route.command is not None:
                route = self._in_our_name(route, lane)
            request = exchange.outgoing(route, self._url)
            body = _Upload(file, lane.close) if file else request.body
            timeout = read_timeout_seconds and (http.CONNECT_TIMEOUT_SECONDS, read_timeout_seconds)
            before_send()
            try:
                with _closed_after(_SURELY_TAKEN_SECONDS, lane) if route.answers_late else nullcontext():
                    response = self._session.request(
                        request.method,
                        request.url,
                        headers=dict(request.headers),
                        data=body,
                        stream=True,
                        timeout=timeout,
                    )
            except requests.RequestException as error:
                # Not chained: its text holds the signature of a request that may still be good.
                raise exchange.broken(route, self._url, error) from None
        with response:
            if response.status_code != 200:
                raise self._refusal(route, response)
            yield response

    def _in_our_name(self, route: Route[T], lane: ExitStack) -> Route[T]:
        if self._signer is None:
            raise exchange.no_signer(route.name, self._url)
        if self._token is not None:
            return routes.authorized(route, self._signer.address, self._token)
        nonces = NonceLane(self._state, self._name, self._signer.address)
        address = self._signer.address
        nonce = lane.enter_context(nonces.next(lambda nonce: route.can_be_signed(address, nonce)))
        return routes.signed(route, self._signer, nonce)

    def _refusal(self, route: Route[T], response: requests.Response) -> Exception:
        try:
            body = _body(response, exchange.MAX_REFUSAL_BYTES)
        except requests.RequestException:
            body = b""
        error = exchange.refusal(route, self._url, response.status_code, body)
        if isinstance(error, OceanNodeBusy) and error.retry_after_seconds is not None:
            self._allowance.close_for(error.retry_after_seconds)
        return error

    def _wait_for_place(self, route: Route[T]) -> None:
        began = time.monotonic()
        while (seconds := self._allowance.take()) > 0:
            waited = time.monotonic() - began
            if waited + seconds > exchange.MAX_WAIT_FOR_PLACE_SECONDS:
                raise exchange.no_place(route, self._url, waited, seconds)
            time.sleep(seconds)


@contextmanager
def _closed_after(seconds: float, lane: ExitStack) -> Iterator[None]:
    timer = threading.Timer(seconds, lane.close)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        # It may be at it just now.
        timer.join()


class _Upload:
    """A file on its way, of known length; tells when so much is gone that the node must be reading it."""

    def __init__(self, file: BinaryIO, when_surely_read: Callable[[], None]) -> None:
        start = file.tell()
        self.len = file.seek(0, os.SEEK_END) - start
        file.seek(start)
        self._file = file
        self._gone = 0
        self._when_surely_read = when_surely_read

    def read(self, size: int = -1) -> bytes:
        chunk = self._file.read(size)
        self._gone += len(chunk)
        if self._gone > _SURELY_READ_BYTES:
            self._when_surely_read()
        return chunk

    def __iter__(self) -> Iterator[bytes]:
        return iter(lambda: self.read(_CHUNK_BYTES), b"")


def _body(response: requests.Response, limit_bytes: int) -> bytes | None:
    chunks = response.iter_content(64 << 10)
    return http.read_capped(lambda: next(chunks, b""), limit_bytes)
