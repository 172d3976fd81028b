# SPDX-License-Identifier: Apache-2.0
"""What is asked of the assets that a job names by DID, before anything is ordered or started.

    known to the Ocean Node → active → a service for jobs → open to the account → lets the algorithm in

Each question has one message of its own. Whether an order is valid is asked last, by `job_orders`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.errors import AssetNotUsable, RequestRejected
from airflow_provider_deflow.graphs import graph as graphs
from airflow_provider_deflow.ocean import asset_routes, assets, credentials, ddo, file_routes

if TYPE_CHECKING:
    from airflow_provider_deflow.ocean.assets import Role, UsedAsset
    from airflow_provider_deflow.ocean.client import OceanNode

_NOT_FOUND = 404


def usable(
    ocean_node: OceanNode, node: graphs.ComputeData, consumer: str, on_list: credentials.OnList
) -> tuple[UsedAsset, ...]:
    """The assets that `node` names, algorithm first. Raises `AssetNotUsable` for what fails.

    `consumer` is the account that starts the job, `on_list` asks the chain whether it is on an access list.
    """
    by_did = [one.did for one in node.datasets if isinstance(one, graphs.DidDataset)]
    if by_did and isinstance(node.algorithm, graphs.FileAlgorithm):
        raise AssetNotUsable(
            f"an algorithm by `file` cannot run on {by_did[0]} — nothing tells a dataset what it is. "
            "Give it as inline `code`, or publish it and give its DID."
        )
    algorithm = None
    found = []
    if isinstance(node.algorithm, graphs.DidAlgorithm):
        algorithm_document = _document(ocean_node, node.algorithm.did, "algorithm")
        algorithm = assets.used(algorithm_document, "algorithm")
        _require_access(algorithm_document, algorithm, consumer, on_list)
        found.append(algorithm)
    for did in dict.fromkeys(by_did):
        document = _document(ocean_node, did, "dataset")
        dataset = assets.used(document, "dataset")
        _require_access(document, dataset, consumer, on_list)
        service = assets.service_of(document, dataset)
        checksums: Mapping[str, str] = {}
        if algorithm and assets.may_be_trusted_by_checksum(service, algorithm):
            checksums = _checksums(ocean_node, algorithm_document, algorithm)
        assets.require_trust(did, service, algorithm, checksums)
        found.append(dataset)
    return tuple(found)


def _document(ocean_node: OceanNode, did: str, role: Role) -> dict[str, Any]:
    try:
        return ocean_node.ask(asset_routes.ddo(did))
    except RequestRejected as error:
        if error.status != _NOT_FOUND:
            raise
    raise AssetNotUsable(
        f"{role} {did} is not known to {ocean_node.url} — correct the DID, or wait until the node has "
        "indexed it, or choose an Ocean Node that indexes its chain",
        is_unknown=True,
    )


def _require_access(
    document: Mapping[str, Any], asset: UsedAsset, consumer: str, on_list: Callable[[str, str], bool]
) -> None:
    of_service = assets.service_of(document, asset).get("credentials")
    for whose, asked in ((asset.did, document.get("credentials")), ("its service", of_service)):
        if asked and not credentials.grants(asked, consumer, on_list):
            raise AssetNotUsable(
                f"{asset.did} is not open to {consumer} — the credentials of {whose} leave the account out. "
                "Ask the publisher to let it in, or use another wallet."
            )


def _checksums(ocean_node: OceanNode, document: Mapping[str, Any], algorithm: UsedAsset) -> dict[str, str]:
    """As they are now; empty text for what the Ocean Node cannot tell."""
    files = ocean_node.ask(file_routes.files_of_service(algorithm.did, algorithm.service_id))
    return {
        # One after the other, as the Ocean Node strings them together.
        "filesChecksum": "".join(file.sha256 or "" for file in files),
        "containerSectionChecksum": ddo.container_section_checksum(document),
    }
