# SPDX-License-Identifier: Apache-2.0
"""The form of commands: replies, required fields, ids with the cluster's hash in front."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_deflow.local_ocean_node.javascript import dumps
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

Task = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """`content_type` is what the command itself says, which is nothing for JSON."""

    body: bytes | AsyncIterator[bytes]
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: Any) -> Reply:
        return cls(dumps(value).encode())


Command = Callable[[LocalOceanNode, Task], Awaitable[Reply]]


def require(task: Task, *fields: str) -> None:
    for name in fields:
        if task.get(name) is None:
            raise Refusal(
                400,
                f'Missing one ( "{name}" ) or more required field(s) for command: "{task["command"]}". '
                f"Required fields: {','.join(fields)}",
            )


def split_id(prefixed: Any) -> tuple[str, str]:
    """`<cluster hash>-<id>` at the first dash; without one the hash is wrong, as in a real node."""
    cluster_hash, _, rest = str(prefixed).partition("-")
    return cluster_hash, rest


def require_cluster(node: LocalOceanNode, prefixed: Any) -> str:
    """The bare id, if the hash in front is this node's."""
    cluster_hash, bare = split_id(prefixed)
    if cluster_hash != node.identity.cluster_hash:
        raise Refusal(500, "Invalid C2D Environment")
    return bare
