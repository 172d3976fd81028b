# SPDX-License-Identifier: Apache-2.0
"""Persistent storage: the commands around a bucket's life."""

from __future__ import annotations

from typing import Any

from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.buckets import Buckets
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

_LONGEST_LABEL = 256


async def create_bucket(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "accessLists")
    if not isinstance(task["accessLists"], list):
        raise Refusal(400, 'Invalid parameter: "accessLists" must be an array of objects')
    _require_label(task)
    buckets, owner = _enter(node, task)
    return Reply.of(buckets.create(task["accessLists"], owner, task.get("label")))


async def update_bucket(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "bucketId")
    _require_label(task)
    buckets, actor = _enter(node, task)
    label = buckets.rename(task["bucketId"], task, actor)
    return Reply.of({"bucketId": task["bucketId"], "label": label})


async def list_buckets(node: LocalOceanNode, task: Task) -> Reply:
    """Anybody's, for anybody who signs."""
    require(task, "owner")
    node.auth.check(task)
    owner = normalised_address(task["owner"])
    if owner is None:
        raise Refusal(400, 'Invalid parameter: "owner" or "consumerAddress"')
    return Reply.of(_buckets(node).owned_by(owner))


async def list_files(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "bucketId")
    buckets, actor = _enter(node, task)
    return Reply.of(buckets.files(task["bucketId"], actor))


async def upload_file(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "bucketId", "fileName")
    buckets, actor = _enter(node, task)
    if task.get("stream") is None:
        raise Refusal(403, "Upload stream error")
    return Reply.of(await buckets.upload(task["bucketId"], task["fileName"], task["stream"], actor))


async def file_object(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "bucketId", "fileName")
    buckets, actor = _enter(node, task)
    try:
        path = buckets.file(task["bucketId"], task["fileName"], actor)
    except Refusal as refusal:
        # Here, and only here, a missing file is a 404.
        raise Refusal(
            404 if "File not found" in refusal.words else refusal.status, refusal.words
        ) from refusal
    return Reply.of({"type": "nodePersistentStorage", "bucketId": task["bucketId"], "fileName": path.name})


async def delete_file(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "bucketId", "fileName")
    buckets, actor = _enter(node, task)
    buckets.file(task["bucketId"], task["fileName"], actor).unlink()
    return Reply.of({"success": True})


def _enter(node: LocalOceanNode, task: Task) -> tuple[Buckets, str]:
    node.auth.check(task)
    return _buckets(node), node.auth.acting_address(task)


def _buckets(node: LocalOceanNode) -> Buckets:
    if node.buckets is None:
        raise Refusal(500, "Persistent storage is not configured or disabled")
    return node.buckets


def _require_label(task: dict[str, Any]) -> None:
    label = task.get("label")
    if label is not None and not isinstance(label, str):
        raise Refusal(400, 'Invalid parameter: "label" must be a string')
    if label is not None and len(label) > _LONGEST_LABEL:
        raise Refusal(400, f'Invalid parameter: "label" must be at most {_LONGEST_LABEL} characters')
