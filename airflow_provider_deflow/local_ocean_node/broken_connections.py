# SPDX-License-Identifier: Apache-2.0
"""Connections that end or fall silent when a test asks for it.

Stands before the whole application for what befalls a route, and gives commands the `Connection` of
their request for what befalls a command. Only a node that has faults, or may be given some, is served so.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from uvicorn.protocols.http.h11_impl import H11Protocol

from airflow_provider_deflow.local_ocean_node import faults

_TRANSPORT, _CONNECTION = "deflow.transport", "deflow.connection"


class TransportInScope(H11Protocol):
    """HTTP as ever, but an application can reach the connection below it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = self.app

        async def with_transport(scope: Any, receive: Any, send: Any) -> None:
            await app({**scope, _TRANSPORT: transport}, receive, send)

        self.app = with_transport


class Connection:
    """One request's way back."""

    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self._transport: asyncio.Transport = scope[_TRANSPORT]
        self._receive = receive
        self._send = send
        self._left: int | None = None
        self._ends = False
        self._loses_all = False

    def lose(self) -> None:
        """Nothing of the reply gets through."""
        self._loses_all = True

    def limit(self, rule: faults.Cut | faults.Stall) -> None:
        """Let so many bytes of the body through."""
        self._left = rule.body_bytes
        self._ends = isinstance(rule, faults.Cut)

    async def send(self, message: Any) -> None:
        if self._loses_all:
            await self.drop()
            return
        if self._left is None or message["type"] != "http.response.body":
            await self._send(message)
            return
        allowed = message.get("body", b"")[: self._left]
        self._left -= len(allowed)
        await self._send({"type": "http.response.body", "body": allowed, "more_body": True})
        if self._left == 0:
            await (self.drop() if self._ends else self._silence())

    async def drop(self) -> None:
        """End it; what was sent before still arrives."""
        self._transport.close()
        await self._silence()

    async def _silence(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


def connection_of(request: Request) -> Connection:
    connection: Connection = request.scope[_CONNECTION]
    return connection


class BrokenConnections:
    """Straight ASGI, since results of many GB stream through it."""

    def __init__(self, app: Any, rules: faults.Faults) -> None:
        self._app = app
        self._faults = rules

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        connection = Connection(scope, receive, send)
        answer = self._app
        for rule in self._faults.due(route=f"{scope['method']} {scope['path']}"):
            match rule:
                case faults.Slow():
                    await asyncio.sleep(rule.seconds)
                case faults.Drop():
                    await connection.drop()
                    return
                case faults.Refuse() | faults.Busy():
                    answer = HTMLResponse(rule.words, rule.status)
                case faults.Cut() | faults.Stall():
                    connection.limit(rule)
                case faults.LoseReply():
                    connection.lose()
        await answer({**scope, _CONNECTION: connection}, receive, connection.send)
