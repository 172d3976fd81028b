# SPDX-License-Identifier: Apache-2.0
"""DDOs as the node uses them: their ids, services, encrypted files, and whether an order may be placed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from airflow_provider_deflow.local_ocean_node.identity import Identity, Undecryptable
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.signing import checksum_address

# A real node means ACTIVE and UNLISTED but writes `state in [0, 5]`, which asks for the *positions* 0 and 1.
_ORDERABLE_STATES = (0, 1)


def did_of(nft_address: str, chain_id: int) -> str:
    """The id that an asset has by its contract and chain."""
    return "did:op:" + hashlib.sha256(f"{checksum_address(nft_address)}{chain_id}".encode()).hexdigest()


def require_orderable(ddo: dict[str, Any] | None) -> dict[str, Any]:
    """The DDO, unless its owner took it out of use."""
    if ddo is None:
        raise Refusal(500, "Asset provided is either null, either undefined null")
    if ddo["indexedMetadata"]["nft"]["state"] not in _ORDERABLE_STATES:
        raise Refusal(500, "Nft not present in the asset or the state is different than ACTIVE or UNLISTED.")
    return ddo


def service_of(ddo: dict[str, Any], service_id: Any) -> tuple[int, dict[str, Any]] | None:
    """The service and its position, which is what an order names."""
    services: list[dict[str, Any]] = ddo.get("services") or []
    return next(((index, one) for index, one in enumerate(services) if one.get("id") == service_id), None)


def files_of(service: dict[str, Any], identity: Identity) -> dict[str, Any]:
    """What was encrypted for this node: `files`, `nftAddress`, `datatokenAddress`; else `Undecryptable`."""
    try:
        content = json.loads(identity.decrypt(bytes.fromhex(str(service.get("files")).removeprefix("0x"))))
    except ValueError as error:
        raise Undecryptable(str(error)) from error
    if not isinstance(content, dict) or not isinstance(content.get("files"), list):
        raise Undecryptable("there is no list of files in it")
    return content
