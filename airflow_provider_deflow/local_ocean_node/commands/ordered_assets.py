# SPDX-License-Identifier: Apache-2.0
"""Algorithms and datasets by DID, as paying for a job needs them: known, allowed, ordered."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from airflow_provider_deflow.local_ocean_node.chains import Chain
from airflow_provider_deflow.local_ocean_node.commands.protocol import Task
from airflow_provider_deflow.local_ocean_node.commands.usable_assets import (
    UsableAsset,
    known_asset,
    require_usable,
)
from airflow_provider_deflow.local_ocean_node.ddos import files_of, service_of
from airflow_provider_deflow.local_ocean_node.environments import Environment
from airflow_provider_deflow.local_ocean_node.identity import Undecryptable
from airflow_provider_deflow.local_ocean_node.images import image_of, require_image
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.orders import fee_is_paid, order_problem
from airflow_provider_deflow.local_ocean_node.provider_fees import provider_fee
from airflow_provider_deflow.local_ocean_node.refusal import Refusal, Thrown

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Checksums:
    """What a dataset's publisher trusts an algorithm by; empty when it cannot be told."""

    files: str = ""
    container: str = ""

    def __bool__(self) -> bool:
        return bool(self.files and self.container)


async def has_checksums(node: LocalOceanNode, algorithm: dict[str, Any], consumer: str) -> bool:
    """Whether the algorithm's files and container can be told from any others."""
    return bool(await _checksums(node, algorithm, consumer))


async def quote_asset(
    node: LocalOceanNode, element: dict[str, Any], environment: Environment, task: Task
) -> dict[str, Any]:
    """What initializeCompute says of an algorithm or dataset: its order, or the fee of one."""
    ddo = known_asset(node, element)
    await _require_trust(node, ddo, task)
    asset = await require_usable(node, element, task["consumerAddress"])
    _require_known_image(task["algorithm"])
    is_ours = _is_ours(node, asset)
    quote: dict[str, Any] = {
        "validOrder": False,
        "did": element["documentId"],
        "serviceId": element.get("serviceId"),
        "datatoken": asset.service.get("datatokenAddress"),
        "chainId": asset.ddo["chainId"],
        "consumerAddress": node.identity.address,
    }
    transaction, paid = element.get("transferTxId"), False
    if transaction and await _problem(node, asset, transaction) is None:
        quote["validOrder"] = transaction
        paid = await _asked(asset.chain, fee_is_paid, transaction, node.identity.address, asset.service)
    if not paid and is_ours:
        token = asset.chain.network.address("Ocean")
        timeout = int(asset.service.get("timeout") or 0)
        quote["providerFee"] = provider_fee(node.identity.signer, token, asset.service, timeout)
    return quote


async def require_ordered(
    node: LocalOceanNode, element: dict[str, Any], environment: Environment, task: Task
) -> None:
    """What a paid start asks of an algorithm or dataset; an algorithm without `meta` gets that of its DDO."""
    asset = await require_usable(node, element, task["consumerAddress"])
    _is_ours(node, asset)
    await _require_trust(node, asset.ddo, task)
    transaction = element.get("transferTxId")
    if not transaction:
        raise Refusal(500, f"Missing transferTxId for DDO {element['documentId']}")
    if await _problem(node, asset, transaction) is not None:
        raise Refusal(
            500,
            f"TxId Service {transaction} is not valid for DDO {element['documentId']} "
            f"and service {asset.service['id']}",
        )
    described = asset.ddo["metadata"].get("algorithm")
    if "meta" not in task["algorithm"] and asset.ddo["metadata"].get("type") == "algorithm" and described:
        names = ("entrypoint", "image", "tag", "checksum")
        task["algorithm"]["meta"] = {
            "language": described.get("language"),
            "version": described.get("version"),
            "container": {name: described["container"].get(name) for name in names},
        }


async def _problem(node: LocalOceanNode, asset: UsableAsset, transaction: Any) -> str | None:
    """With the order; for a job it is the node itself that must have been named as consumer."""
    return await _asked(
        asset.chain,
        order_problem,
        str(transaction),
        node.identity.address,
        asset.ddo,
        asset.service,
        asset.index,
    )


async def _asked(chain: Chain, question: Callable[..., T], *arguments: Any) -> T:
    try:
        return await chain.ask(question, chain, *arguments)
    except Thrown as error:
        raise Refusal(500, error.message) from error


def _is_ours(node: LocalOceanNode, asset: UsableAsset) -> bool:
    """Whether this node can read the files; a compute service of another node is of no use here."""
    try:
        files_of(asset.service, node.identity)
    except Undecryptable:
        if asset.service.get("type") == "compute":
            raise Refusal(
                500,
                f"Service {asset.service['id']} from DDO {asset.did} cannot be used in compute "
                "on this provider",
            ) from None
        return False
    return True


async def _require_trust(node: LocalOceanNode, ddo: dict[str, Any], task: Task) -> None:
    """Of a dataset in the algorithm."""
    if ddo["metadata"].get("type") == "algorithm":
        return
    algorithm = task["algorithm"]
    # A dataset that is named twice is judged by the service of the first, as by a real node.
    named: dict[str, Any] = next((one for one in task["datasets"] if one.get("documentId") == ddo["id"]), {})
    checksums = await _checksums(node, algorithm, task["consumerAddress"])
    found = service_of(ddo, named.get("serviceId"))
    if found is None or not _trusts(node, found[1], algorithm, checksums):
        raise Refusal(
            400,
            f"Algorithm {algorithm.get('documentId') or 'undefined'} not allowed to run "
            f"on the dataset: {ddo['id']}",
        )


def _trusts(
    node: LocalOceanNode, service: dict[str, Any], algorithm: dict[str, Any], checksums: Checksums
) -> bool:
    """Trusting nobody by name is trusting nobody."""
    if service.get("type") == "access":
        return True
    compute = service.get("compute")
    if service.get("type") != "compute" or not isinstance(compute, dict):
        return False
    publishers = compute.get("publisherTrustedAlgorithmPublishers") or []
    algorithms = compute.get("publisherTrustedAlgorithms") or []
    if not publishers and not algorithms:
        return False
    did = algorithm.get("documentId")
    if not did:
        return bool(compute.get("allowRawAlgorithm"))
    given = {
        "did": did,
        "filesChecksum": checksums.files,
        "containerSectionChecksum": checksums.container,
        "serviceId": algorithm.get("serviceId"),
    }
    if any(_is_trusted(entry, given) for entry in algorithms):
        return True
    # The publisher of an algorithm is not its owner here, but its data NFT.
    nft = str((node.assets.ddo(did) or {}).get("nftAddress")).lower()
    return any(str(one).lower() in ("*", nft) for one in publishers)


def _is_trusted(entry: Any, given: dict[str, Any]) -> bool:
    """The service counts only where the entry names one."""
    if not isinstance(entry, dict):
        return False
    names = [name for name in given if name != "serviceId" or name in entry]
    return all(entry.get(name) in ("*", given[name]) for name in names)


async def _checksums(node: LocalOceanNode, algorithm: dict[str, Any], consumer: str) -> Checksums:
    did = algorithm.get("documentId")
    ddo = node.assets.ddo(did) if did else None
    if ddo is None:
        return Checksums()
    try:
        files = ""
        for one in node.assets.of_service(did, algorithm.get("serviceId")):
            files += (await node.file_objects.info(one, consumer, whole=True)).get("checksum", "")
        container = ddo["metadata"]["algorithm"]["container"]
        section = f"{container.get('entrypoint')}{container.get('checksum')}"
    except (Refusal, KeyError, TypeError):
        return Checksums()
    return Checksums(files, hashlib.sha256(section.encode()).hexdigest())


def _require_known_image(algorithm: dict[str, Any]) -> None:
    """Only what comes with the request is looked at here."""
    if not (algorithm.get("meta") or {}).get("container"):
        return
    image = image_of(algorithm)
    try:
        require_image(image)
    except Refusal as refusal:
        raise Refusal(
            refusal.status, f"Initialize Compute failed for image {image} :{refusal.words}"
        ) from refusal
