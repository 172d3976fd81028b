# SPDX-License-Identifier: Apache-2.0
"""The files behind assets: where a DDO's service, or an element of a job, gets its content from."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from airflow_provider_deflow.local_ocean_node.ddos import files_of, require_orderable, service_of
from airflow_provider_deflow.local_ocean_node.identity import Identity, Undecryptable
from airflow_provider_deflow.local_ocean_node.index import Index
from airflow_provider_deflow.local_ocean_node.javascript import as_text
from airflow_provider_deflow.local_ocean_node.refusal import Refusal


class AssetFiles:
    """Reads what was encrypted for the node."""

    def __init__(self, identity: Identity, index: Index | None) -> None:
        self._identity = identity
        self._index = index

    def ddo(self, did: Any) -> dict[str, Any] | None:
        return self._index.ddo(did) if self._index else None

    def of_service(self, did: Any, service_id: Any) -> list[dict[str, Any]]:
        """All files of a service. Whatever is wrong, a real node says the same."""
        try:
            found = service_of(require_orderable(self.ddo(did)), service_id)
            if found is None:
                raise Refusal(500, f"Service with id {service_id} not found")
            files: list[dict[str, Any]] = files_of(found[1], self._identity)["files"]
            return files
        except (Refusal, Undecryptable) as error:
            raise Refusal(500, "Unable to decrypt files, files not served by the current node!") from error

    def of_element(self, element: dict[str, Any]) -> dict[str, Any] | None:
        """The file object that an algorithm or dataset of a job stands for: of an asset, its first."""
        file_object = element.get("fileObject")
        if file_object:
            if isinstance(file_object, dict):
                return file_object if file_object.get("type") else None
            return self._first({"files": file_object})
        did, service_id = element.get("documentId"), element.get("serviceId")
        ddo = self.ddo(did) if did and service_id else None
        found = service_of(ddo, service_id) if ddo else None
        return self._first(found[1]) if found else None

    def _first(self, service: dict[str, Any]) -> dict[str, Any] | None:
        try:
            files = files_of(service, self._identity)["files"]
        except Undecryptable:
            return None
        return files[0] if files and isinstance(files[0], dict) else None


def with_user_data(file_object: dict[str, Any], user_data: Any) -> dict[str, Any]:
    """What a consumer adds to a URL's query; text must be JSON."""
    if not file_object.get("url") or not user_data:
        return file_object
    values = json.loads(user_data) if isinstance(user_data, str) else user_data
    if not isinstance(values, dict):
        return file_object
    parts = urlsplit(str(file_object["url"]))
    added = urlencode([(name, as_text(value)) for name, value in values.items()])
    query = "&".join(part for part in (parts.query, added) if part)
    return {**file_object, "url": urlunsplit(parts._replace(query=query))}
