# SPDX-License-Identifier: Apache-2.0
"""From a request to its command, and what tests want to go wrong on the way there and back."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from fastapi import Request

from airflow_provider_deflow.local_ocean_node import faults, version4
from airflow_provider_deflow.local_ocean_node.broken_connections import connection_of
from airflow_provider_deflow.local_ocean_node.commands.protocol import Command, Reply, Task, split_id
from airflow_provider_deflow.local_ocean_node.javascript import as_text
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

_DATES = (
    "dateCreated",
    "dateFinished",
    "algoStartTimestamp",
    "algoStopTimestamp",
    "buildStartTimestamp",
    "buildStopTimestamp",
)


def node_of(request: Request) -> LocalOceanNode:
    node: LocalOceanNode = request.app.state.node
    return node


async def run(command: Command, request: Request, task: Task) -> Reply:
    """What the command replies; `Refusal` passes through."""
    node = node_of(request)
    due = node.faults.due(command=task["command"])
    for rule in due:
        match rule:
            case faults.Slow():
                await asyncio.sleep(rule.seconds)
            case faults.Drop():
                await connection_of(request).drop()
                return Reply(b"")
            case faults.Refuse() | faults.Busy():
                raise Refusal(rule.status, rule.words)
            case faults.Forget():
                await node.engine.forget(split_id(task.get("jobId"))[1])
    reply = await command(node, version4.with_canonical_addresses(task) if node.is_version_4 else task)
    for rule in due:
        match rule:
            case faults.LoseReply():
                connection_of(request).lose()
            case faults.Cut() | faults.Stall():
                connection_of(request).limit(rule)
            case faults.ClockSkew() if isinstance(reply.body, bytes):
                reply = Reply.of(_shifted(json.loads(reply.body), rule.seconds))
    return reply


def _shifted(value: Any, seconds: float) -> Any:
    """The jobs of a reply with all their dates moved; what has not happened yet stays so."""
    if isinstance(value, list):
        return [_shifted(one, seconds) for one in value]
    if not isinstance(value, dict):
        return value
    moved = {
        name: as_text(round(float(value[name]) + seconds, 3))
        for name in _DATES
        if value.get(name) not in (None, "0")
    }
    return {**value, **moved}
