# SPDX-License-Identifier: Apache-2.0
"""Assets: whether a DDO is valid, and the DDOs that the node has indexed."""

from __future__ import annotations

import hashlib

from airflow_provider_deflow.local_ocean_node import ddo_schema
from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require
from airflow_provider_deflow.local_ocean_node.javascript import as_text, dumps
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.signing import keccak


async def validate(node: LocalOceanNode, task: Task) -> Reply:
    """The DDO's hash, signed by the node: what a publisher stores on the chain."""
    require(task, "ddo")
    ddo = task["ddo"]
    did = ddo.get("id") if isinstance(ddo, dict) else None
    if not isinstance(did, str) or not did.startswith("did:op"):
        raise Refusal(400, ' Missing or invalid required parameter "id')
    if not ddo.get("version"):
        raise Refusal(400, "Missing DDO version")
    if any(task.get(name) for name in ("authorization", "signature", "nonce", "publisherAddress")):
        node.auth.check({**task, "consumerAddress": task.get("publisherAddress")})
    _require_known_version(as_text(ddo["version"]), did)
    # A real node looks at these before its schema does, and trips.
    if ddo.get("chainId") is None:
        raise Refusal(500, "Unknown error: Cannot read properties of undefined (reading 'toString')")
    if normalised_address(ddo.get("nftAddress")) is None:
        value = dumps(ddo.get("nftAddress"))
        raise Refusal(500, f'Unknown error: invalid address (argument="address", value={value})')
    if not ddo_schema.conforms(ddo):
        raise Refusal(400, "Validation error: [object Object]")
    digest = "0x" + hashlib.sha256(dumps(ddo).encode()).hexdigest()
    signature = bytes.fromhex(node.identity.signer.sign_message(keccak(digest.encode()))[2:])
    return Reply.of(
        {
            "hash": digest,
            "publicKey": node.identity.address,
            "r": f"0x{signature[:32].hex()}",
            "s": f"0x{signature[32:64].hex()}",
            "v": signature[64],
        }
    )


def _require_known_version(version: str, did: str) -> None:
    if not version.startswith("4"):
        raise Refusal(500, f"Unknown error: Unsupported DDO version: {version}")
    if version not in ddo_schema.VERSIONS:
        raise Refusal(500, f"Unknown error: Unsupported schema version: {version}")
