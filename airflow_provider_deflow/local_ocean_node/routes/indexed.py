# SPDX-License-Identifier: Apache-2.0
"""Escrow events and access lists over HTTP."""

from __future__ import annotations

import math
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.commands import indexed
from airflow_provider_deflow.local_ocean_node.javascript import as_number
from airflow_provider_deflow.local_ocean_node.routes.express import answer_json, as_words, query_of

router = APIRouter(prefix="/api/services")

_NO_NUMBER = HTMLResponse("chainId must be a number", 400)


@router.get("/escrow/events")
async def escrow_events(request: Request) -> Response:
    chain_id = _chain_id(request)
    if isinstance(chain_id, float) and math.isnan(chain_id):
        return _NO_NUMBER
    filters = query_of(request, "eventType", "payer", "payee", "token", "jobId", "txId", "offset", "size")
    task = {"command": "getEscrowEvents", **filters, "chainId": chain_id}
    return await answer_json(indexed.escrow_events, request, task, as_words)


@router.get("/accesslists")
async def access_lists(request: Request) -> Response:
    wallet = request.query_params.get("wallet")
    if not wallet:
        return HTMLResponse("Missing required query param: wallet", 400)
    if normalised_address(wallet) is None:
        return HTMLResponse("Invalid wallet address", 400)
    chain_id = _chain_id(request)
    if isinstance(chain_id, float) and math.isnan(chain_id):
        return _NO_NUMBER
    task = {"command": "searchAccessList", "wallet": wallet, "chainId": chain_id}
    return await answer_json(indexed.access_lists, request, task, as_words)


@router.get("/accesslists/{chain_id}/{address}")
async def access_list(request: Request, chain_id: str, address: str) -> Response:
    task: dict[str, Any] = {
        "command": "getAccessList",
        "chainId": as_number(chain_id),
        "contractAddress": address,
    }
    return await answer_json(indexed.access_list, request, task, as_words)


def _chain_id(request: Request) -> float | None:
    given = request.query_params.get("chainId")
    return None if given is None else as_number(given)
