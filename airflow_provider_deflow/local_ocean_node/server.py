# SPDX-License-Identifier: Apache-2.0
"""The process: HTTP and the engine in one asyncio loop, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterator

import uvicorn

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.local_ocean_node.app import build_app
from airflow_provider_deflow.local_ocean_node.broken_connections import TransportInScope
from airflow_provider_deflow.local_ocean_node.isolation import choose_isolation
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.schedule import claim_regularly, forget_expired_regularly
from airflow_provider_deflow.local_ocean_node.settings import NodeSettings


class _Server(uvicorn.Server):
    """Signals are the caller's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(settings: NodeSettings, stop: asyncio.Event, on_ready: Callable[[str], None]) -> None:
    """Serve until `stop` is set; `on_ready` gets the URL once connections are accepted."""
    listener = _listen(settings.host, settings.port)
    node = LocalOceanNode.assemble(
        settings, choose_isolation(settings.folder, unisolated=settings.unisolated)
    )
    config = uvicorn.Config(
        build_app(node),
        http=TransportInScope if settings.may_be_faulty else "auto",
        loop="asyncio",
        lifespan="off",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    server = _Server(config)
    host, port = listener.getsockname()[:2]
    on_ready(f"http://{host}:{port}")
    work = [
        asyncio.create_task(node.engine.run()),
        asyncio.create_task(claim_regularly(node)),
        asyncio.create_task(forget_expired_regularly(node)),
        *([asyncio.create_task(node.indexer.run())] if node.indexer else []),
        asyncio.create_task(server.serve([listener])),
    ]
    stopping = asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait({*work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in done - {stopping}:
            task.result()
    finally:
        # Containers first: it ends the live logs that would keep connections open.
        for task in (*work[:-1], stopping):
            task.cancel()
        await node.engine.close()
        server.should_exit = True
        await asyncio.gather(*work, stopping, return_exceptions=True)
        node.close()


def _listen(host: str, port: int) -> socket.socket:
    """Bound and listening, so that a connection made from now on waits instead of being refused."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"the local Ocean Node cannot listen on {host}:{port} — {error.strerror}; choose another --port"
        ) from error
    listener.listen(128)
    return listener
