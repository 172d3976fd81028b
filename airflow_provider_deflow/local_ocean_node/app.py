# SPDX-License-Identifier: Apache-2.0
"""The node's web application: routes, and before them CORS and the rate limit."""

from __future__ import annotations

import logging
import time
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, Response

from airflow_provider_deflow.local_ocean_node.broken_connections import BrokenConnections
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.rate_limit import RateLimit
from airflow_provider_deflow.local_ocean_node.routes import (
    aquarius,
    buckets,
    compute,
    direct,
    downloads,
    encryption,
    indexed,
    services,
)
from airflow_provider_deflow.local_ocean_node.routes.express import ErrorPage, not_found
from airflow_provider_deflow.local_ocean_node.routes.faults import FaultRoutes

log = logging.getLogger(__name__)


def build_app(node: LocalOceanNode) -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.node = node
    for router in (
        compute.router,
        buckets.router,
        services.router,
        encryption.router,
        downloads.router,
        aquarius.router,
        indexed.router,
        direct.router,
    ):
        app.include_router(router)
    app.add_exception_handler(404, _unknown_route)
    app.add_exception_handler(405, _unknown_route)
    app.add_exception_handler(ErrorPage, _error_page)
    app.add_exception_handler(500, _internal_error)
    if node.settings.may_be_faulty:
        app.add_middleware(BrokenConnections, rules=node.faults)
    app.add_middleware(
        _Admission, limit=RateLimit(node.settings.requests_per_minute, node.settings.callers_per_minute)
    )
    if node.settings.test_routes:
        app.add_middleware(FaultRoutes, rules=node.faults)
    return app


class _Admission:
    """Straight ASGI, since results of many GB stream through it."""

    def __init__(self, app: Any, limit: RateLimit) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def send_with_cors(message: Any) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"access-control-allow-origin", b"*"))
            await send(message)

        scope = _without_last_slash(scope)
        request = Request(scope)
        answer = _preflight(request) or self._refusal(request) or self._app
        await answer(scope, receive, send_with_cors)

    def _refusal(self, request: Request) -> Response | None:
        socket = request.client.host if request.client else ""
        refusal = self._limit.refusal(", ".join(request.headers.getlist("x-forwarded-for")) or socket)
        verdict = refusal[0] if refusal else "taken"
        log.info("%.3f %s %s %s", time.time(), verdict, request.method, request.url.path)
        return HTMLResponse(refusal[1], refusal[0]) if refusal else None


def _without_last_slash(scope: Any) -> Any:
    """To Express a path with a slash at its end is the same one; a second slash is not."""
    path = scope.get("path", "")
    if not path.endswith("/") or path == "/":
        return scope
    return {**scope, "path": path[:-1], "raw_path": scope["raw_path"].removesuffix(b"/")}


def _preflight(request: Request) -> Response | None:
    """CORS, which comes before the rate limit."""
    if request.method != "OPTIONS":
        return None
    headers = {
        "access-control-allow-methods": "GET,HEAD,PUT,PATCH,POST,DELETE",
        "vary": "Access-Control-Request-Headers",
    }
    return Response(status_code=204, headers=headers)


async def _unknown_route(request: Request, error: Exception) -> Response:
    return not_found(request.method, request.url.path)


async def _internal_error(request: Request, error: Exception) -> Response:
    return HTMLResponse("Internal Server Error", 500)


async def _error_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, ErrorPage)
    return error.response
