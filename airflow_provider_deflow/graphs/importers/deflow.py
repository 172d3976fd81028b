# SPDX-License-Identifier: Apache-2.0
"""The documents of the original DeFlow (2024): an experiment, or a run, which has a copy of one.

A node names an Ocean Node by URL, an algorithm by DID, an environment by id and, where nothing comes
to it, a dataset by DID. `orders` are the layers in which its scheduler runs the nodes. What a graph
has beyond that cannot be said in such a document.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar
from urllib.parse import urlsplit

from airflow_provider_deflow.graphs.graph import ComputeData, EdgeData
from airflow_provider_deflow.graphs.importers.form import Form, Role, changes, one_line
from airflow_provider_deflow.graphs.importers.reading import unique
from airflow_provider_deflow.graphs.importers.remarks import Remarks
from airflow_provider_deflow.graphs.problem import Problem

# What a run adds to its copy of an experiment, and what MongoDB adds to both.
_RECORD = frozenset(
    ["_id", "__v", "created_at", "experiment_id", "orders", "result", "state", "time_started", "time_ended"]
)
# The beginning of a place in a graph document -> the key there.
_PLACES = {
    ".data.algorithm": ".data.algorithm_id",
    ".data.datasets": ".data.dataasset_id",
    ".data.environment": ".data.compute_env_id",
    ".data.ocean_node": ".data.ocean_node_address",
}
_PLACE = re.compile(r"(\.data\.(?:algorithm|datasets|environment|ocean_node))(?![A-Za-z_]).*", re.DOTALL)
_EDGE_DATA = {"handover": "url"}
_LEFT_OUT = "has no place in a document of the original DeFlow: left out"


class DeflowForm(Form):
    """The documents of the original DeFlow."""

    name = "deflow"
    title = "the original DeFlow"
    texts = ("name", "description", "owner")
    silent = _RECORD
    data_keys = frozenset({"label", "ocean_node_address", "algorithm_id", "compute_env_id", "dataasset_id"})
    kinds: ClassVar[frozenset[str | None]] = frozenset({None, "", "input", "output", "default"})

    @staticmethod
    def blank() -> dict[str, Any]:
        return {"owner": "", "name": "", "description": "", "nodes": [], "edges": [], "orders": []}

    def read_data(
        self,
        data: dict[str, Any],
        where: str,
        has_incoming: bool,
        problems: list[Problem],
        remarks: Remarks,
    ) -> dict[str, Any]:
        read: dict[str, Any] = {"label": one_line(data.get("label"), f"{where}.label", remarks)}
        # A form that was never filled in left nothing, or an empty text.
        if data.get("algorithm_id") not in (None, ""):
            read["algorithm"] = {"did": data["algorithm_id"]}
        if data.get("compute_env_id") not in (None, ""):
            read["environment"] = data["compute_env_id"]
        if data.get("dataasset_id") not in (None, ""):
            read["datasets"] = [{"did": did} for did in _dids(data["dataasset_id"])]
            if has_incoming:
                remarks.add(
                    "also_given",
                    f"{where}.dataasset_id",
                    "is given to the node besides what its edges bring; the original DeFlow gave only that",
                )
        if data.get("ocean_node_address") not in (None, ""):
            place = f"{where}.ocean_node_address"
            read["ocean_node"] = self._connection(data["ocean_node_address"], place, problems, remarks)
        return read

    def read_edge_data(self, data: dict[str, Any], takes_bucket_files: bool | None) -> dict[str, Any]:
        # Its algorithms are assets, which read what lies in /data/inputs and know nothing of buckets.
        return dict(_EDGE_DATA)

    def with_defaults(self, data: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
        return {**data, "ocean_node": data.get("ocean_node") or defaults.get("ocean_node")}

    def place(self, where: str) -> str:
        found = _PLACE.fullmatch(where)
        return _PLACES[found[1]] if found else where

    def write_data(
        self,
        data: dict[str, Any],
        before: dict[str, Any],
        after: dict[str, Any],
        where: str,
        remarks: Remarks,
    ) -> dict[str, Any]:
        written = dict(data)
        for name, value in changes(ComputeData, before, after).items():
            match name:
                case "label":
                    written["label"] = value
                case "environment":
                    _put(written, "compute_env_id", value)
                case "algorithm":
                    _put(written, "algorithm_id", _algorithm_did(value, where, remarks))
                case "datasets":
                    _put(written, "dataasset_id", _dataset_dids(value, where, remarks))
                case "ocean_node":
                    _put(written, "ocean_node_address", self._url(value, where, remarks))
                case _:
                    remarks.add("left_out", where, f"`{name}` {_LEFT_OUT}")
        return written

    def write_edge_data(
        self,
        edge: dict[str, Any],
        before: dict[str, Any],
        after: dict[str, Any],
        where: str,
        remarks: Remarks,
    ) -> dict[str, Any]:
        # How they get there is the original's own way, whatever the graph says.
        if "files" in changes(EdgeData, before, after):
            remarks.add("left_out", where, f"`files` {_LEFT_OUT}, and all are handed over")
        return edge

    def write_kind(self, node: dict[str, Any], before: Role | None, after: Role) -> dict[str, Any]:
        return node if before == after else {**node, "type": "" if after == "middle" else after}

    def write_layers(self, original: dict[str, Any], layers: list[list[Any]]) -> None:
        original["orders"] = layers

    def _connection(self, url: object, where: str, problems: list[Problem], remarks: Remarks) -> str | None:
        """The Airflow connection of the Ocean Node at a URL; a graph never has the URL itself."""
        place = _host_and_path(url)
        if place is None or not isinstance(url, str):
            problems.append(Problem("bad_url", where, "must be a URL that begins with https:// or http://"))
            return None
        if url not in self.connections:
            wanted = "ocean_node_" + re.sub(r"[^A-Za-z0-9]+", "_", place).strip("_").lower()[:150]
            self.connections[url] = unique(wanted, self.connections.values())
        connection = self.connections[url]
        remarks.add(
            "ocean_node",
            where,
            f"is {place}, and {connection!r} here: make that Airflow connection, of type ocean_node, "
            "or name yours with --ocean-node URL=CONNECTION",
        )
        return connection

    def _url(self, connection: object, where: str, remarks: Remarks) -> str | None:
        url = self._urls.get(connection) if isinstance(connection, str) else None
        if url is None:
            remarks.add(
                "ocean_node",
                where,
                f"runs on the connection {connection!r}, and the original DeFlow wants a URL: "
                f"name it with --ocean-node URL={connection}",
            )
        return url


def _put(data: dict[str, Any], key: str, value: Any) -> None:
    """Nothing instead of what cannot be said: what was there before would be wrong."""
    if value is None:
        data.pop(key, None)
    else:
        data[key] = value


def _dids(datasets: object) -> list[Any]:
    """Its scheduler takes `[did, did]` as several datasets."""
    if isinstance(datasets, str) and datasets.startswith("[") and datasets.endswith("]"):
        return [did.strip() for did in datasets[1:-1].split(",")]
    return [datasets]


def _algorithm_did(algorithm: Any, where: str, remarks: Remarks) -> Any:
    if isinstance(algorithm, dict) and "did" in algorithm:
        return algorithm["did"]
    if algorithm is not None:
        remarks.add(
            "left_out",
            where,
            "`algorithm` is no DID, and the original DeFlow runs nothing else: publish it as an asset",
        )
    return None


def _dataset_dids(datasets: Any, where: str, remarks: Remarks) -> Any:
    listed = datasets if isinstance(datasets, list) else [datasets]
    dids = [one["did"] for one in listed if isinstance(one, dict) and isinstance(one.get("did"), str)]
    if len(dids) < len(listed):
        remarks.add(
            "left_out",
            where,
            "`datasets` are not all DIDs, and the original DeFlow takes nothing else: publish them",
        )
    if len(dids) < 2:
        return dids[0] if dids else None
    return f"[{','.join(dids)}]"


def _host_and_path(url: object) -> str | None:
    """What tells Ocean Nodes apart in a URL, without a login; `None` for what is no URL."""
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    return f"{host}{f':{port}' if port else ''}{parts.path.rstrip('/')}"
