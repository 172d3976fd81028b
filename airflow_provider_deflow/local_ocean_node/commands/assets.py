# SPDX-License-Identifier: Apache-2.0
"""Assets: whether a DDO is valid, and the DDOs that the node has indexed.

A node without an index of a chain answers as a real one without a data base.
"""

from __future__ import annotations

import hashlib
from typing import Any

from airflow_provider_deflow.local_ocean_node import ddo_schema, ddo_search
from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.commands.protocol import Reply, Task, require
from airflow_provider_deflow.local_ocean_node.javascript import INVALID_ARGUMENT, dumps
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.signing import keccak


async def validate(node: LocalOceanNode, task: Task) -> Reply:
    """The DDO's hash, signed by the node: what a publisher stores on the chain."""
    require(task, "ddo")
    ddo = task["ddo"]
    did = ddo.get("id") if isinstance(ddo, dict) else None
    _require_did(did)
    if not ddo.get("version"):
        raise Refusal(400, "Missing DDO version")
    if any(task.get(name) for name in ("authorization", "signature", "nonce", "publisherAddress")):
        node.auth.check({**task, "consumerAddress": task.get("publisherAddress")})
    _require_known_version(ddo["version"])
    # A real node looks at these before its schema does, and trips.
    if ddo.get("chainId") is None:
        raise Refusal(500, "Unknown error: Cannot read properties of undefined (reading 'toString')")
    if normalised_address(ddo.get("nftAddress")) is None:
        value = dumps(ddo.get("nftAddress"))
        raise Refusal(
            500, f'Unknown error: invalid address (argument="address", value={value}, {INVALID_ARGUMENT})'
        )
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


async def get_ddo(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "id")
    _require_did(task["id"])
    if node.index is None:
        raise Refusal(503, "DDO database is not available")
    document = node.index.ddo(task["id"])
    if document is None:
        raise Refusal(404, "Not found")
    return Reply.of(document)


async def find_ddo(node: LocalOceanNode, task: Task) -> Reply:
    """Among peers, of which there are none; for an asset of its own a real node's code breaks here."""
    require(task, "id")
    _require_did(task["id"])
    if node.index and node.index.ddo(task["id"]):
        raise Refusal(500, "Unknown error: Cannot read properties of undefined (reading 'tx')")
    return Reply(b"[]")


async def query(node: LocalOceanNode, task: Task) -> Reply:
    require(task, "query")
    if node.index is None:
        raise Refusal(503, "DDO database is not available")
    if not isinstance(task["query"], dict):
        return Reply.of([])
    try:
        return Reply.of(ddo_search.search(node.index, task["query"]))
    except ddo_search.Unsupported as problem:
        raise Refusal(500, f"Unknown error: {problem}") from problem


async def indexing_state(node: LocalOceanNode, task: Task) -> Reply:
    """What became of an asset's last event, by `txId`, else `nft`, else `did`; over HTTP only."""
    given = {column: task.get(name) for name, column in (("txId", "tx"), ("nft", "nft"), ("did", "did"))}
    column = next((column for column, value in given.items() if value), None)
    if column is None:
        raise Refusal(
            400,
            'Missing or invalid required parameters, you need to specify one of: "did", "txId", "nft"',
        )
    if node.index is None:
        raise Refusal(503, "DDO State database is not available")
    state = node.index.state(column, str(given[column]))
    if not state:
        raise Refusal(404, "Not found")
    return Reply.of(state)


def _require_did(did: Any) -> None:
    if not isinstance(did, str) or not did.startswith("did:op"):
        raise Refusal(400, ' Missing or invalid required parameter "id')


def _require_known_version(version: Any) -> None:
    if not isinstance(version, str):
        raise Refusal(500, "Unknown error: e.startsWith is not a function")
    if not version.startswith("4"):
        raise Refusal(500, f"Unknown error: Unsupported DDO version: {version}")
    if version not in ddo_schema.VERSIONS:
        raise Refusal(500, f"Unknown error: Unsupported schema version: {version}")
