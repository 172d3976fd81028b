# SPDX-License-Identifier: Apache-2.0
"""An Ocean Node for an event loop: what a trigger asks, without ever blocking the loop.

Files, locks and signatures happen in threads. The rest is as in `client`, from the same routes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Self, TypeVar

import httpx
import tenacity

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import OceanNodeBusy, OceanNodeError
from airflow_provider_deflow.ocean import exchange, routes, versions
from airflow_provider_deflow.ocean.allowance import Allowance
from airflow_provider_deflow.ocean.compute import ComputeJob
from airflow_provider_deflow.ocean.connection import Observer, nobody
from airflow_provider_deflow.ocean.nonces import NonceLane
from airflow_provider_deflow.ocean.routes import Route
from airflow_provider_deflow.ocean.shared_state import SharedState
from airflow_provider_deflow.signing import Signer

T = TypeVar("T")


class AsyncOceanNode:
    """One Ocean Node, asked from one event loop, in which `observe` is told of each request as it ends."""

    def __init__(
        self,
        url: str,
        signer: Signer | None = None,
        *,
        state_folder: Path | None = None,
        requests_per_minute: int = 30,
        timeout_seconds: float = http.READ_TIMEOUT_SECONDS,
        observe: Observer | None = None,
    ) -> None:
        self._observe = observe or nobody
        self.url = exchange.base_url(url)
        self.signer = signer
        self._client = http.async_client(timeout_seconds)
        self._state = SharedState(state_folder)
        self._name = exchange.state_name(self.url)
        self._allowance = Allowance(self._state, self._name, requests_per_minute)

    def __repr__(self) -> str:
        return f"AsyncOceanNode({self.url})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._client.aclose()

    async def version(self) -> str:
        return (await self.ask(versions.probe())).text

    async def status(self, job_id: str) -> ComputeJob | None:
        return await self.ask(routes.status(job_id))

    async def jobs_of(self, address: str) -> list[ComputeJob]:
        return await self.ask(routes.jobs_of(address))

    async def jobs(self, addresses: Iterable[str], finished_since: float | None = None) -> list[ComputeJob]:
        return await self.ask(routes.jobs(addresses, finished_since))

    async def stop(self, job_id: str) -> ComputeJob | None:
        return await self.ask(routes.stop(job_id))

    async def ask(self, route: Route[T]) -> T:
        """The answer to any route."""
        return await tenacity.AsyncRetrying(**exchange.repetition(route))(self._ask_observed, route)

    async def _ask_observed(self, route: Route[T]) -> T:
        try:
            value = await self._ask_once(route)
        except OceanNodeError as error:
            self._observe(route, self.url, error)
            raise
        self._observe(route, self.url, None)
        return value

    async def _ask_once(self, route: Route[T]) -> T:
        await self._wait_for_place(route)
        lane = ExitStack()
        try:
            sent = route if route.command is None else await self._signed(route, lane)
            request = exchange.outgoing(sent, self.url)
            message = self._client.build_request(
                request.method, request.url, headers=dict(request.headers), content=request.body
            )
            response = await self._client.send(message, stream=True)
        except httpx.HTTPError as error:
            raise exchange.broken(route, self.url, error) from None
        finally:
            lane.close()
        try:
            body = await _body(response)
        except httpx.HTTPError as error:
            raise exchange.broken(route, self.url, error) from None
        finally:
            await response.aclose()
        if response.status_code == 200:
            return exchange.answer(route, self.url, body)
        refused = exchange.refusal(route, self.url, response.status_code, body)
        if isinstance(refused, OceanNodeBusy) and refused.retry_after_seconds is not None:
            await asyncio.to_thread(self._allowance.close_for, refused.retry_after_seconds)
        raise refused

    async def _signed(self, route: Route[T], lane: ExitStack) -> Route[T]:
        signer = self.signer
        if signer is None:
            raise exchange.no_signer(route.name, self.url)
        nonces = NonceLane(self._state, self._name, signer.address)

        def sign() -> Route[T]:
            usable = lane.enter_context(nonces.next(lambda nonce: route.can_be_signed(signer.address, nonce)))
            return routes.signed(route, signer, usable)

        signing = asyncio.ensure_future(asyncio.to_thread(sign))

        def give_back(_: asyncio.Future[Route[T]]) -> None:
            signing.exception()
            lane.close()

        try:
            return await asyncio.shield(signing)
        except asyncio.CancelledError:
            # The thread may get the lane when nobody waits for it any more.
            signing.add_done_callback(give_back)
            raise

    async def _wait_for_place(self, route: Route[T]) -> None:
        began = time.monotonic()
        while (seconds := await asyncio.to_thread(self._allowance.take)) > 0:
            waited = time.monotonic() - began
            if waited + seconds > exchange.MAX_WAIT_FOR_PLACE_SECONDS:
                raise exchange.no_place(route, self.url, waited, seconds)
            await asyncio.sleep(seconds)


async def _body(response: httpx.Response) -> bytes | None:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > exchange.MAX_BODY_BYTES:
            return None
    return bytes(body)
