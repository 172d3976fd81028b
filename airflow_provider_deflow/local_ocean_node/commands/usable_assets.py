# SPDX-License-Identifier: Apache-2.0
"""What every use of an asset needs, whatever it costs: known, in use, and open to the consumer."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from airflow_provider_deflow.local_ocean_node.chains import Chain
from airflow_provider_deflow.local_ocean_node.ddos import require_orderable, service_of
from airflow_provider_deflow.local_ocean_node.node import LocalOceanNode
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.ocean.credentials import grants


@dataclass(frozen=True, slots=True)
class UsableAsset:
    """An asset with the service that is to be used, which is the `index`th of it."""

    ddo: dict[str, Any]
    chain: Chain
    service: dict[str, Any]
    index: int

    @property
    def did(self) -> str:
        return str(self.ddo["id"])


async def require_usable(node: LocalOceanNode, element: dict[str, Any], consumer: str) -> UsableAsset:
    """The asset that an algorithm or dataset names; free jobs ask no more than this."""
    ddo = known_asset(node, element)
    chain = chain_of(node, ddo)
    await require_access(chain, ddo, ddo.get("credentials"), consumer)
    service_id = element.get("serviceId")
    found = service_of(ddo, service_id)
    if found is None:
        raise Refusal(500, f"Cannot find service {service_id} in DDO {ddo['id']}")
    index, service = found
    await require_access(chain, ddo, service.get("credentials"), consumer, service)
    return UsableAsset(ddo, chain, service, index)


def known_asset(node: LocalOceanNode, element: dict[str, Any]) -> dict[str, Any]:
    ddo = node.assets.ddo(element["documentId"])
    if ddo is None:
        raise Refusal(500, f"DDO {element['documentId']} not found")
    return require_orderable(ddo)


def chain_of(node: LocalOceanNode, ddo: dict[str, Any]) -> Chain:
    chain = node.chains.get(ddo.get("chainId"))
    if chain is None:
        # It was indexed with other settings.
        raise Refusal(500, "Cannot destructure property 'chainId' of undefined")
    return chain


async def require_access(
    chain: Chain,
    ddo: dict[str, Any],
    credentials: Any,
    consumer: str,
    service: dict[str, Any] | None = None,
) -> None:
    """By the credentials of the asset, or of one of its services."""
    if not credentials or await chain.ask(grants, credentials, consumer, partial(_on_list, chain)):
        return
    what = f"service with id {service['id']}" if service else f"asset {ddo['id']}"
    raise Refusal(403, f"Error: Access to {what} was denied")


def _on_list(chain: Chain, address: str, account: str) -> bool:
    from airflow_provider_deflow.chain.access_lists import is_on_list

    return is_on_list(chain.web3, address, account)
