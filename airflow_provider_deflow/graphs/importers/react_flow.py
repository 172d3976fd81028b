# SPDX-License-Identifier: Apache-2.0
"""What `toObject()` of React Flow gives: nodes, edges and a viewport.

A node's and an edge's data are its author's own; those that are named as in a graph document
(`algorithm`, `datasets`, `label`, `handover` …) are taken to be those.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow_provider_deflow.graphs.graph import ComputeData, EdgeData
from airflow_provider_deflow.graphs.importers.form import Form, Role, changes, one_line
from airflow_provider_deflow.graphs.importers.remarks import Remarks
from airflow_provider_deflow.graphs.problem import Problem


class ReactFlowForm(Form):
    """Documents of any program that draws with React Flow; algorithms are where a graph has them."""

    name = "react-flow"
    title = "React Flow"
    texts = ("name", "description")
    silent = frozenset({"viewport"})
    data_keys = frozenset(ComputeData.model_fields)
    edge_data_keys = frozenset(EdgeData.model_fields)
    kinds: ClassVar[frozenset[str | None]] = frozenset({None, "", "compute", "default", "input", "output"})

    @staticmethod
    def blank() -> dict[str, Any]:
        return {"nodes": [], "edges": [], "viewport": {"x": 0, "y": 0, "zoom": 1}}

    def read_data(
        self,
        data: dict[str, Any],
        where: str,
        has_incoming: bool,
        problems: list[Problem],
        remarks: Remarks,
    ) -> dict[str, Any]:
        if "algorithm" not in data and "algorithm_id" in data:
            remarks.add("other_form", where, "looks like the original DeFlow's: import it as that")
        known = {name: value for name, value in data.items() if name in self.data_keys}
        return {**known, "label": one_line(data.get("label"), f"{where}.label", remarks)}

    def read_edge_data(self, data: dict[str, Any], takes_bucket_files: bool | None) -> dict[str, Any]:
        known = {name: value for name, value in data.items() if name in self.edge_data_keys}
        # Handed over in the one way that its consumer can take, unless the drawing says how.
        return {"handover": "url" if takes_bucket_files is False else "auto", **known}

    def place(self, where: str) -> str:
        return where

    def write_data(
        self,
        data: dict[str, Any],
        before: dict[str, Any],
        after: dict[str, Any],
        where: str,
        remarks: Remarks,
    ) -> dict[str, Any]:
        return {**data, **changes(ComputeData, before, after)}

    def write_edge_data(
        self,
        edge: dict[str, Any],
        before: dict[str, Any],
        after: dict[str, Any],
        where: str,
        remarks: Remarks,
    ) -> dict[str, Any]:
        changed = changes(EdgeData, before, after)
        if not changed:
            return edge
        data = edge.get("data")
        return {**edge, "data": {**(data if isinstance(data, dict) else {}), **changed}}

    def write_kind(self, node: dict[str, Any], before: Role | None, after: Role) -> dict[str, Any]:
        return {**node, "type": "compute"} if before is None else node

    def write_layers(self, original: dict[str, Any], layers: list[list[Any]]) -> None:
        """It keeps none."""
