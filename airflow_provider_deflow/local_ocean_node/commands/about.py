# SPDX-License-Identifier: Apache-2.0
"""What the node tells about itself and about files."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import time
from typing import Any

import psutil

from airflow_provider_deflow import __version__
from airflow_provider_deflow.local_ocean_node.chains import Chain
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task
from airflow_provider_deflow.local_ocean_node.file_objects import KINDS, is_bucket_file
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal, Thrown

_DOCKER_CLUSTER = 2


async def status(node: LocalOceanNode, task: Task) -> Reply:
    return _pretty(_status(node))


async def detailed_status(node: LocalOceanNode, task: Task) -> Reply:
    cluster = {
        "type": _DOCKER_CLUSTER,
        "hash": node.identity.cluster_hash,
        "environments": node.describe_environments(),
    }
    return _pretty({**_status(node), "c2dClusters": [cluster], "supportedSchemas": []})


async def file_info(node: LocalOceanNode, task: Task) -> Reply:
    """Of a file object, or of the files of a service by its DID."""
    kind, file_object, actor = (task.get(name) for name in ("type", "file", "consumerAddress"))
    did, service_id = task.get("did"), task.get("serviceId")
    if did and not str(did).startswith("did:op"):
        raise Refusal(400, "Invalid Request: invalid did!")
    if did and not service_id:
        # A real node has words for this, but no status to send them with.
        raise Thrown("Invalid status code: undefined", "RangeError")
    if not any(task.get(name) for name in ("checksum", "did", "file", "fileIndex", "serviceId", "type")):
        raise Refusal(400, "Invalid Request: no fields are present!")
    if kind and kind not in KINDS:
        raise Refusal(400, f"Invalid Request: type must be one of {', '.join(KINDS)}")
    if (is_bucket_file({"type": kind}) or is_bucket_file(file_object)) and not actor:
        raise Refusal(400, "Invalid Request: consumerAddress is required for nodePersistentStorage files")
    if isinstance(file_object, dict) and kind:
        return Reply.of([await node.file_objects.info(file_object, actor)])
    if did and service_id:
        files = node.assets.of_service(did, service_id)
        if index := task.get("fileIndex"):
            files = files[index : index + 1] if isinstance(index, int) else []
            if not files:
                raise Refusal(500, "Empty file object")
        return Reply.of([await _service_file_info(node, one, actor) for one in files])
    raise Refusal(400, "Invalid arguments. Please provide either file && Type OR did && serviceId")


async def _service_file_info(
    node: LocalOceanNode, file_object: dict[str, Any], actor: str | None
) -> dict[str, Any]:
    """A bucket file is nobody's business without an address."""
    if is_bucket_file(file_object) and not actor:
        return {
            "valid": False,
            "contentLength": "",
            "contentType": "application/octet-stream",
            "name": "",
            "type": "nodePersistentStorage",
        }
    return await node.file_objects.info(file_object, actor)


def _status(node: LocalOceanNode) -> dict[str, Any]:
    memory = psutil.virtual_memory()
    return {
        "id": node.identity.peer_id,
        "publicKey": node.identity.public_key.hex(),
        "friendlyName": "deflow-local-ocean-node",
        "address": node.identity.address,
        # The ocean-node whose behaviour this one has; clients choose their ways by it.
        "version": node.version,
        "http": True,
        "p2p": False,
        "provider": [_named(chain) for chain in node.chains],
        "indexer": _indexed(node),
        "escrowAddress": {
            str(chain.chain_id): node.payments.escrow_address(chain.chain_id) for chain in node.chains
        },
        "supportedStorage": {"url": True, "arwave": False, "ipfs": False},
        "platform": {
            "cpus": len(node.machine.cores),
            "freemem": memory.available,
            "totalmem": memory.total,
            "loadavg": list(os.getloadavg()),
            "arch": platform.machine(),
            "machine": platform.machine(),
            "platform": platform.system().lower(),
            "osType": platform.system(),
            "node": f"python {platform.python_version()}",
        },
        "codeHash": hashlib.sha256(f"deflow {__version__}".encode()).hexdigest(),
        "allowedAdmins": {"addresses": [], "accessLists": None},
        "uptime": time.monotonic() - node.started,
        **({"persistentStorage": {"accessLists": []}} if node.buckets else {}),
    }


def _indexed(node: LocalOceanNode) -> list[dict[str, Any]]:
    if node.index is None:
        return []
    return [
        {**_named(chain), "block": str(node.index.last_block(chain.chain_id))}
        for chain in node.chains
        if chain.settings.index
    ]


def _named(chain: Chain) -> dict[str, Any]:
    return {"chainId": str(chain.chain_id), "network": chain.network.name}


def _pretty(value: Any) -> Reply:
    return Reply(json.dumps(value, indent=4, ensure_ascii=False).encode())
