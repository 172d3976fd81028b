# SPDX-License-Identifier: Apache-2.0
"""What a dataset trusts an algorithm by: the checksums of its files and of its container, as they are now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.ocean import ddo, file_routes
from airflow_provider_deflow.ocean.asset_description import TrustedAlgorithm
from airflow_provider_deflow.publishing import indexing

if TYPE_CHECKING:
    from airflow_provider_deflow.ocean.client import OceanNode


def trusted_algorithm(ocean_node: OceanNode, did: str, service_id: str = "") -> TrustedAlgorithm:
    """The algorithm behind `did`, by default its first service; two requests to the Ocean Node."""
    document = indexing.document(ocean_node, did)
    if document is None:
        raise SettingsError(f"algorithm {did} cannot be trusted — {ocean_node.url} does not know it")
    if (document.get("metadata") or {}).get("type") != "algorithm":
        raise SettingsError(f"{did} cannot be trusted as an algorithm — it is none, or it was revoked")
    known = [str(service["id"]) for service in document["services"]]
    if service_id and service_id not in known:
        raise SettingsError(f"algorithm {did} has no service {service_id} — it has {', '.join(known)}")
    chosen = service_id or known[0]
    files = ocean_node.ask(file_routes.files_of_service(did, chosen))
    unknown = [file.name or "a file" for file in files if file.sha256 is None]
    if unknown or not files:
        raise SettingsError(
            f"algorithm {did} cannot be trusted by checksum — {ocean_node.url} cannot tell that of "
            f"{', '.join(unknown) or 'its files'}: it is not there, too large (10 MiB), or in a store that "
            "does not say"
        )
    return TrustedAlgorithm(
        did=did,
        # One after the other, as the Ocean Node strings them together.
        files_checksum="".join(str(file.sha256) for file in files),
        container_section_checksum=ddo.container_section_checksum(document),
        service_id=chosen,
    )
