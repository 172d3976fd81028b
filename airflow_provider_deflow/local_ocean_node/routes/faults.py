# SPDX-License-Identifier: Apache-2.0
"""Routes for tests, on a node that was started with them: no real node has any.

    GET, PUT, DELETE /_deflow/faults    list, set and clear what goes wrong; see `faults`

They stand before everything else, so that no limit and no fault keeps a test from them.
"""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.local_ocean_node.faults import Faults, read_rules

FAULTS = "/_deflow/faults"


class FaultRoutes:
    """Straight ASGI, as what stands behind it."""

    def __init__(self, app: Any, rules: Faults) -> None:
        self._app = app
        self._faults = rules

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        request = Request(scope, receive)
        answer = await self._faults_reply(request) if request.url.path == FAULTS else self._app
        await answer(scope, receive, send)

    async def _faults_reply(self, request: Request) -> Response:
        if request.method == "PUT":
            try:
                self._faults.replace(read_rules(json.loads(await request.body())))
            except (SettingsError, ValueError) as error:
                return JSONResponse({"error": str(error)}, 400)
        elif request.method == "DELETE":
            self._faults.replace(())
        elif request.method != "GET":
            return JSONResponse({"error": "GET, PUT or DELETE"}, 405)
        return JSONResponse(self._faults.reply())
