# SPDX-License-Identifier: Apache-2.0
"""An asset as a job uses it: which of its services, and whether that lets the algorithm in. Pure.

An Ocean Node asks for all of this only when a job is paid, and a free job runs whatever a dataset trusts.
Here it is asked of every job, in words that say which of the conditions is not met.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from airflow_provider_deflow.errors import AssetNotUsable

Role = Literal["dataset", "algorithm"]

_STATES = {
    0: "active",
    1: "at the end of its life",
    2: "deprecated",
    3: "revoked",
    4: "not to be ordered for now",
    5: "unlisted",
}
_ACTIVE = 0
# What a dataset may name of an algorithm that it trusts, in words.
_TRUSTED_BY = {
    "filesChecksum": "the checksum of its files",
    "containerSectionChecksum": "the checksum of its container",
    "serviceId": "its service",
}


@dataclass(frozen=True, slots=True)
class UsedAsset:
    """A dataset or an algorithm with the service that a job uses. `meta` tells a start of an algorithm."""

    did: str
    chain_id: int
    data_nft: str
    datatoken: str
    service_id: str
    # Its position in the document, which an order names.
    service_index: int
    meta: Mapping[str, Any] = field(default_factory=dict)

    def to_request(self) -> dict[str, Any]:
        return {"documentId": self.did, "serviceId": self.service_id}


def used(document: Mapping[str, Any], role: Role) -> UsedAsset:
    """The asset, by the service that jobs use. Raises `AssetNotUsable` for the first thing that is not so."""
    did = str(document.get("id"))
    require_active(document)
    metadata = document.get("metadata") or {}
    if metadata.get("type") != role:
        raise AssetNotUsable(f"{did} is a {metadata.get('type')} — as {role} another DID is needed")
    services = list(document.get("services") or [])
    index = next((n for n, one in enumerate(services) if one.get("type") == "compute"), None)
    if index is None and role == "dataset":
        types = ", ".join(str(one.get("type")) for one in services) or "no service at all"
        raise AssetNotUsable(
            f"dataset {did} has no compute service, so no job may read it — it has {types}. "
            "Ask its publisher for a compute service, or use another dataset."
        )
    if index is None and not services:
        raise AssetNotUsable(f"algorithm {did} has no service — use another algorithm")
    service = services[index or 0]
    return UsedAsset(
        did=did,
        chain_id=int(document["chainId"]),
        data_nft=str(document["nftAddress"]),
        datatoken=str(service["datatokenAddress"]),
        service_id=str(service["id"]),
        service_index=index or 0,
        meta=_meta(did, metadata) if role == "algorithm" else {},
    )


def require_active(document: Mapping[str, Any]) -> None:
    """That its owner lets it be used. A node leaves little else of a document that is revoked."""
    nft = (document.get("indexedMetadata") or {}).get("nft") or {}
    state = nft.get("state", _ACTIVE)
    if state != _ACTIVE:
        raise AssetNotUsable(
            f"{document.get('id')} cannot be used — it is {_STATES.get(state, f'in state {state}')}, as its "
            "owner said on the chain. Ask the publisher, or use another asset."
        )


def service_of(document: Mapping[str, Any], asset: UsedAsset) -> Mapping[str, Any]:
    """The service's own part of the document."""
    service: Mapping[str, Any] = document["services"][asset.service_index]
    return service


def may_be_trusted_by_checksum(service: Mapping[str, Any], algorithm: UsedAsset) -> bool:
    """Whether the dataset names the algorithm, so that its checksums of now have to be known."""
    policy = service.get("compute") or {}
    return not _trusts_publisher(policy, algorithm) and bool(_entries_for(policy, algorithm))


def require_trust(
    did: str, service: Mapping[str, Any], algorithm: UsedAsset | None, checksums: Mapping[str, str]
) -> None:
    """That the dataset lets the algorithm in; None is inline code.

    `checksums` are those of now, by the names of `publisherTrustedAlgorithms`.
    """
    policy = service.get("compute") or {}
    if not policy.get("publisherTrustedAlgorithms") and not policy.get("publisherTrustedAlgorithmPublishers"):
        raise AssetNotUsable(
            f"dataset {did} lets no algorithm in — its publisher trusts none yet. Ask the publisher to trust "
            f"{algorithm.did if algorithm else 'somebody'}."
        )
    if algorithm is None:
        if not policy.get("allowRawAlgorithm"):
            raise AssetNotUsable(
                f"dataset {did} lets no inline code in — publish the algorithm, and ask the publisher of the "
                "dataset to trust its DID"
            )
        return
    if _trusts_publisher(policy, algorithm):
        return
    entries = _entries_for(policy, algorithm)
    if not entries:
        raise AssetNotUsable(
            f"dataset {did} does not allow algorithm {algorithm.did} — it trusts other algorithms only. "
            "Ask its publisher to trust this one."
        )
    now = {**checksums, "serviceId": algorithm.service_id}
    drifts = [drift for entry in entries if (drift := _drift(entry, now))]
    if len(drifts) == len(entries):
        raise AssetNotUsable(
            f"algorithm {algorithm.did} has changed since dataset {did} trusted it — {drifts[0]}. Ask the "
            "publisher of the dataset to look at the algorithm and to trust it anew."
        )


def _meta(did: str, metadata: Mapping[str, Any]) -> dict[str, Any]:
    """What a start says of the algorithm: a node copies it for paid jobs only."""
    described = metadata.get("algorithm") or {}
    container = described.get("container")
    if not container:
        raise AssetNotUsable(f"algorithm {did} names no container to run in — use another algorithm")
    return {
        "language": described.get("language") or "",
        "version": described.get("version") or "",
        "container": {name: container.get(name) or "" for name in ("entrypoint", "image", "tag", "checksum")},
    }


def _trusts_publisher(policy: Mapping[str, Any], algorithm: UsedAsset) -> bool:
    """To an Ocean Node the publisher of an algorithm is its data NFT."""
    trusted = {str(one).lower() for one in policy.get("publisherTrustedAlgorithmPublishers") or ()}
    return bool(trusted & {"*", algorithm.data_nft.lower()})


def _entries_for(policy: Mapping[str, Any], algorithm: UsedAsset) -> list[Mapping[str, Any]]:
    entries = policy.get("publisherTrustedAlgorithms") or ()
    return [one for one in entries if isinstance(one, Mapping) and one.get("did") in ("*", algorithm.did)]


def _drift(entry: Mapping[str, Any], now: Mapping[str, str]) -> str:
    """What is another than it was, in words; the service counts only where the entry names one."""
    return "; ".join(
        f"{words} is {now.get(name)} now, and {entry.get(name)} is trusted"
        for name, words in _TRUSTED_BY.items()
        if (name in entry or name != "serviceId") and entry.get(name) not in ("*", now.get(name))
    )
