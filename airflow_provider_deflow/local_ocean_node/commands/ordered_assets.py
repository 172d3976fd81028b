# SPDX-License-Identifier: Apache-2.0
"""Algorithms and datasets by DID, as paying for a job needs them: known, allowed, ordered.

Without an index of assets no DID is known.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_deflow.local_ocean_node.commands.protocol import Task
from airflow_provider_deflow.local_ocean_node.environments import Environment
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal


async def has_checksums(node: LocalOceanNode, algorithm: dict[str, Any], consumer: str) -> bool:
    """Whether the algorithm's files and container can be told from any others."""
    return False


async def quote_asset(
    node: LocalOceanNode, element: dict[str, Any], environment: Environment, task: Task
) -> dict[str, Any]:
    """What initializeCompute says of an algorithm or dataset: its order, or the fee of one."""
    raise Refusal(500, f"DDO {element['documentId']} not found")


async def require_ordered(
    node: LocalOceanNode, element: dict[str, Any], environment: Environment, task: Task
) -> None:
    """What a paid start asks of an algorithm or dataset."""
    raise Refusal(500, f"DDO {element['documentId']} not found")
