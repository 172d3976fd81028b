# SPDX-License-Identifier: Apache-2.0
"""Escrow events and access lists, as far as the node has read its chains. Nobody signs for them."""

from __future__ import annotations

import math
from typing import Any

from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require
from airflow_provider_deflow.local_ocean_node.indexed_events import ESCROW_EVENTS
from airflow_provider_deflow.local_ocean_node.javascript import as_number
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

_DEFAULT_SIZE = 100
_MOST_EVENTS = 250
# What the data base takes for a number.
_MOST_CHAIN_ID = 2**63


async def escrow_events(node: LocalOceanNode, task: Task) -> Reply:
    """The oldest first, from `offset` on; each filter that is given must match."""
    kind = task.get("eventType")
    if kind and kind not in ESCROW_EVENTS:
        raise Refusal(400, f"eventType must be one of: {', '.join(ESCROW_EVENTS)}")
    if node.index is None:
        raise Refusal(503, "Escrow database is not available")
    wanted = {name: task.get(name) for name in ("chainId", "eventType", "jobId")}
    wanted["txHash"] = task.get("txId")
    for name in ("payer", "payee", "token"):
        wanted[name] = task[name].lower() if isinstance(task.get(name), str) else None
    found = [record for record in node.index.escrow_events() if _matches(record, wanted)]
    offset, size = _positive(task.get("offset")) or 0, _positive(task.get("size")) or _DEFAULT_SIZE
    return Reply.of(found[offset : offset + min(size, _MOST_EVENTS)])


async def access_lists(node: LocalOceanNode, task: Task) -> Reply:
    """Those that a wallet is on."""
    require(task, "wallet")
    if normalised_address(str(task["wallet"])) is None:
        raise Refusal(400, "Invalid wallet address")
    _require_index(node)
    wallet, chain_id = str(task["wallet"]).lower(), task.get("chainId")
    return Reply.of(
        [
            record
            for record in (node.index.access_lists() if node.index else ())
            if any(user["wallet"] == wallet for user in record["users"])
            and (chain_id is None or record["chainId"] == as_number(chain_id))
        ]
    )


async def access_list(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "chainId", "contractAddress")
    _require_index(node)
    number = as_number(task["chainId"])
    record = None
    if node.index and number.is_integer() and abs(number) < _MOST_CHAIN_ID:
        record = node.index.access_list(int(number), str(task["contractAddress"]))
    if record is None:
        raise Refusal(404, "AccessList not found")
    return Reply.of(record)


def _require_index(node: LocalOceanNode) -> None:
    if node.index is None:
        raise Refusal(500, "Unknown error: Cannot read properties of undefined (reading 'retrieve')")


def _matches(record: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(value in (None, "") or record.get(name) == value for name, value in wanted.items())


def _positive(value: Any) -> int | None:
    number = as_number(value)
    return int(number) if math.isfinite(number) and number > 0 else None
