# SPDX-License-Identifier: Apache-2.0
"""The DDO: an asset as one JSON document, as Ocean Nodes index it. Pure.

The files in it are encrypted for one Ocean Node, anew each time, so that two documents of one description
differ. What tells whether an asset is still as described is its `mark`: a keyed hash of the description that
only its publisher can make, kept in the document where everybody may see it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airflow_provider_deflow.ocean.asset_description import (
    AssetDescription,
    ComputePolicy,
    Credentials,
    Service,
    TrustedAlgorithm,
)
from airflow_provider_deflow.signing import checksum_address

_MARK = "deflowMark"
# What a node adds to a document, and what is another each time it is published.
_OF_THE_INDEX = frozenset({"indexedMetadata", "datatokens", "event", "nft", "stats", "purgatory"})
_TIMES = frozenset({"created", "updated"})


def did_of(data_nft: str, chain_id: int) -> str:
    """The id that an asset has by its contract and chain."""
    return f"did:op:{hashlib.sha256(f'{checksum_address(data_nft)}{chain_id}'.encode()).hexdigest()}"


def service_id(did: str, position: int) -> str:
    """The same as long as the service keeps its place: orders name it."""
    return hashlib.sha256(f"{did}/{position}".encode()).hexdigest()


def compact(document: Any) -> str:
    """As JavaScript writes it: what an Ocean Node hashes."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def file_secret(service: Service, data_nft: str, datatoken: str) -> bytes:
    """What is encrypted to be a service's `files`; an Ocean Node compares the addresses."""
    secret = {"datatokenAddress": datatoken, "nftAddress": data_nft, "files": list(service.files)}
    return compact(secret).encode()


def mark_of(description: AssetDescription, ocean_node_url: str, key: bytes) -> str:
    """Equal for equal descriptions at one Ocean Node, and opaque: file objects cannot be guessed from it."""
    content = description.model_dump(mode="json", exclude={"price", "symbol"})
    for service in content["services"]:
        if service["same_files"] is not None:
            service["files"] = []
    text = json.dumps([ocean_node_url, content], sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def mark_in(document: Mapping[str, Any]) -> str:
    """The mark of a document, "" when nobody of us made it."""
    more = (document.get("metadata") or {}).get("additionalInformation")
    return str(more.get(_MARK) or "") if isinstance(more, Mapping) else ""


def document_of(
    description: AssetDescription,
    *,
    data_nft: str,
    datatoken: str,
    chain_id: int,
    ocean_node_url: str,
    ciphers: Sequence[str],
    mark: str,
    created: str,
    updated: str,
) -> dict[str, Any]:
    """The DDO. `ciphers` are each service's files, encrypted; times are ISO 8601 with Z."""
    did = did_of(data_nft, chain_id)
    document: dict[str, Any] = {
        "@context": ["https://w3id.org/did/v1"],
        "id": did,
        "version": description.ddo_version,
        "chainId": chain_id,
        "nftAddress": data_nft,
        "metadata": {
            "created": created,
            "updated": updated,
            "type": description.role,
            "name": description.name,
            "description": description.description,
            "author": description.author,
            "license": description.license,
            "tags": list(description.tags),
            "additionalInformation": {_MARK: mark},
            **_algorithm(description),
        },
        "services": [
            _service(service, service_id(did, position), cipher, datatoken, ocean_node_url)
            for position, (service, cipher) in enumerate(zip(description.services, ciphers, strict=True))
        ],
    }
    if description.credentials != Credentials():
        document["credentials"] = {
            kind: [{"type": "address", "values": list(addresses)}] if addresses else []
            for kind, addresses in (
                ("allow", description.credentials.allow),
                ("deny", description.credentials.deny),
            )
        }
    return document


def container_section_checksum(document: Mapping[str, Any]) -> str:
    """Of an algorithm's container, as an Ocean Node compares it with what a dataset trusts."""
    container = document["metadata"]["algorithm"]["container"]
    section = f"{container.get('entrypoint')}{container.get('checksum')}"
    return hashlib.sha256(section.encode()).hexdigest()


def differences(meant: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """Where the index has something else than was meant; but for ciphers, times and what the node adds."""
    own = {name: value for name, value in found.items() if name not in _OF_THE_INDEX}
    return sorted(_differences(_comparable(meant), _comparable(own), ""))


def _service(service: Service, id_: str, cipher: str, datatoken: str, url: str) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": id_,
        "type": service.type,
        "files": cipher,
        "datatokenAddress": datatoken,
        "serviceEndpoint": url,
        "timeout": service.timeout_seconds,
    }
    if service.name:
        made["name"] = service.name
    if service.description:
        made["description"] = service.description
    if service.type == "compute":
        made["compute"] = _policy(service.compute)
    if service.consumer_parameters:
        made["consumerParameters"] = list(service.consumer_parameters)
    return made


def _policy(policy: ComputePolicy) -> dict[str, Any]:
    return {
        "allowRawAlgorithm": policy.allow_raw_algorithm,
        "allowNetworkAccess": policy.allow_network_access,
        "publisherTrustedAlgorithmPublishers": list(policy.trusted_publishers),
        "publisherTrustedAlgorithms": [
            _trusted(one) for one in policy.trusted_algorithms if isinstance(one, TrustedAlgorithm)
        ],
    }


def _trusted(algorithm: TrustedAlgorithm) -> dict[str, str]:
    made = {
        "did": algorithm.did,
        "filesChecksum": algorithm.files_checksum,
        "containerSectionChecksum": algorithm.container_section_checksum,
    }
    return made | ({"serviceId": algorithm.service_id} if algorithm.service_id else {})


def _algorithm(description: AssetDescription) -> dict[str, Any]:
    if description.algorithm is None:
        return {}
    made = description.algorithm.model_dump(mode="json", exclude={"consumer_parameters"})
    if description.algorithm.consumer_parameters:
        made["consumerParameters"] = list(description.algorithm.consumer_parameters)
    return {"algorithm": made}


def _comparable(document: Mapping[str, Any]) -> dict[str, Any]:
    made = dict(document)
    made["metadata"] = {name: value for name, value in made["metadata"].items() if name not in _TIMES}
    made["services"] = [
        {name: value for name, value in service.items() if name != "files"} for service in made["services"]
    ]
    return made


def _differences(meant: Any, found: Any, place: str) -> Iterator[str]:
    if isinstance(meant, Mapping) and isinstance(found, Mapping):
        for name in meant.keys() | found.keys():
            yield from _differences(meant.get(name), found.get(name), f"{place}.{name}" if place else name)
    elif meant != found:
        yield place
