# SPDX-License-Identifier: Apache-2.0
"""Auth tokens and nonces."""

from __future__ import annotations

from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require
from airflow_provider_deflow.local_ocean_node.javascript import as_text
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal


async def create_token(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "address", "signature")
    node.auth.check_signature(task["address"], task.get("nonce"), task["signature"], task["command"])
    token = node.auth.create_token(
        task["address"], task.get("nonce"), task["signature"], task.get("validUntil")
    )
    return Reply.of({"token": token})


async def invalidate_token(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "address", "signature", "token")
    node.auth.may_invalidate(task["address"], task.get("nonce"), task["signature"])
    node.store.revoke_token(str(task["token"]))
    return Reply.of({"success": True})


async def nonce(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "address")
    if normalised_address(task["address"]) is None:
        raise Refusal(400, 'Parameter : "address" is not a valid web3 address')
    return Reply(as_text(node.auth.last_nonce(task["address"])).encode(), "text/plain; charset=utf-8")


async def validate_token(node: LocalOceanNode, task: Task) -> Reply:
    """Asked by other nodes, of a node of the next major."""
    require(task, "token")
    return Reply.of(node.auth4.validity(str(task["token"])))
