# SPDX-License-Identifier: Apache-2.0
"""A graph document as another program's, with the original as far as nothing was edited.

Nodes and edges are known again by their ids. The values of both readings are compared in the one form
that a graph gives them, so that a default filled in by saving is no edit.
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from airflow_provider_deflow.graphs.graph import ComputeNode, Defaults, Graph, GraphEdge, default_edge_id
from airflow_provider_deflow.graphs.importers.form import Arrows, same, value_of
from airflow_provider_deflow.graphs.importers.reading import Reading, unique
from airflow_provider_deflow.graphs.importers.remarks import Remarks
from airflow_provider_deflow.graphs.sources import Value


def write(
    document: Mapping[str, Any], original: dict[str, Any], reading: Reading, remarks: Remarks
) -> dict[str, Any]:
    """`original` with what differs between its reading and `document`."""
    return _Writer(document, original, reading, remarks).write()


class _Writer:
    def __init__(
        self, document: Mapping[str, Any], original: dict[str, Any], reading: Reading, remarks: Remarks
    ) -> None:
        self.document = document
        self.original = original
        self.reading = reading
        self.form = reading.form
        self.remarks = remarks
        self.defaults_before = Defaults().model_dump()
        defaults = _normal_one(Defaults, document.get("defaults", {}))
        self.defaults = defaults if isinstance(defaults, dict) else self.defaults_before
        self.nodes = _normal(ComputeNode, document.get("nodes"))
        self.edges = _normal(GraphEdge, document.get("edges"))
        self.arrows_before = _arrows(one.value for one in reading.edges if one.is_part)
        self.arrows = _arrows(self.edges)
        # a node's id -> its id in the original
        self.ids: dict[str, Any] = {}

    def write(self) -> dict[str, Any]:
        written = dict(self.original)
        self._write_texts(written)
        # The edges need the nodes' ids.
        for name, found in (("nodes", self._write_nodes()), ("edges", self._write_edges())):
            if found or isinstance(self.original.get(name), list):
                written[name] = found
        ids_before = {_id(one.value) for one in self.reading.nodes if one.is_part}
        if self.arrows.pairs != self.arrows_before.pairs or set(map(_id, self.nodes)) != ids_before:
            layers = self.arrows.layers(self.ids)
            self.form.write_layers(written, [[self.ids[one] for one in layer] for layer in layers])
        self._remark_rest()
        return written

    def _write_texts(self, written: dict[str, Any]) -> None:
        for name in self.form.texts:
            after = self.document.get(name, "")
            if same(self.reading.document[name], after):
                continue
            if name in written:
                written[name] = after
            else:
                self._left_out(name)

    def _write_nodes(self) -> list[Any]:
        left = _by_match(self.nodes)
        written: list[Any] = []
        for placed in self.reading.nodes:
            if not placed.is_part:
                written.append(placed.original)
                continue
            before = _normal_one(ComputeNode, placed.value)
            if found := left[_match(before)]:
                written.append(self._patched_node(placed.original, before, found.popleft()))
                if (node_id := _id(before)) is not None:
                    self.ids[node_id] = placed.original["id"]
        taken = {str(node.get("id")) for node in written if isinstance(node, dict)}
        new = [node for nodes in left.values() for node in nodes]
        return written + [self._new_node(node, taken) for node in new]

    def _patched_node(self, original: Any, before: Any, after: Any) -> Any:
        if not (isinstance(original, dict) and isinstance(after, dict)):
            return original
        written = dict(original)
        where = str(_id(after))
        position = after.get("position")
        if not same(before["position"], position) and isinstance(position, dict):
            there = original.get("position")
            written["position"] = {**(there if isinstance(there, dict) else {}), **position}
            written.pop("positionAbsolute", None)
        data_before, data = before["data"], after.get("data", {})
        if not same(data_before, data):
            written["data"] = self._data(original.get("data"), data_before, data, where)
        return self.form.write_kind(written, self.arrows_before.role(where), self.arrows.role(where))

    def _new_node(self, node: Any, taken: set[str]) -> Any:
        if not isinstance(node, dict):
            return node
        written: dict[str, Any] = {}
        node_id = _id(node)
        if node_id is not None:
            written["id"] = self.ids[node_id] = unique(node_id, taken)
            taken.add(written["id"])
        where = str(node_id)
        written |= self.form.write_kind({}, None, self.arrows.role(where))
        written["position"] = node.get("position", {"x": 0, "y": 0})
        written["data"] = self._data({}, None, node.get("data", {}), where)
        return written

    def _data(self, original: Any, before: Any, after: Any, where: str) -> Any:
        """A node's data; `before` is `None` for a new node."""
        if not isinstance(after, dict):
            return after
        known = self.form.with_defaults(before, self.defaults_before) if isinstance(before, dict) else {}
        return self.form.write_data(
            original if isinstance(original, dict) else {},
            known,
            self.form.with_defaults(after, self.defaults),
            where,
            self.remarks,
        )

    def _write_edges(self) -> list[Any]:
        left = _by_match(self.edges)
        written: list[tuple[Any, bool]] = []
        for placed in self.reading.edges:
            if not placed.is_part:
                written.append((placed.original, False))
                continue
            before = _normal_one(GraphEdge, placed.value)
            if found := left[_match(before)]:
                written.append((self._patched_edge(placed.original, before, found.popleft()), True))
        new = [edge for edges in left.values() for edge in edges]
        written += [(self._new_edge(edge), True) for edge in new]
        # A second edge of a pair stays as long as there is a first.
        pairs = {_ends(edge) for edge, is_part in written if is_part}
        return [edge for edge, is_part in written if is_part or _ends(edge) in pairs]

    def _patched_edge(self, original: Any, before: Any, after: Any) -> Any:
        if not (isinstance(original, dict) and isinstance(after, dict)):
            return original
        written = dict(original)
        for end in ("source", "target"):
            if not same(before.get(end), after.get(end)):
                written[end] = self._original_end(after.get(end))
                # It was a handle of the other node.
                written.pop(f"{end}Handle", None)
        return self._with_edge_data(written, before["data"], after.get("data", {}))

    def _new_edge(self, edge: Any) -> Any:
        if not isinstance(edge, dict):
            return edge
        ends = {end: self._original_end(edge[end]) for end in ("source", "target") if end in edge}
        written = {"id": edge.get("id") or default_edge_id(ends.get("source"), ends.get("target")), **ends}
        return self._with_edge_data(written, self.form.read_edge_data({}, None), edge.get("data", {}))

    def _with_edge_data(self, edge: dict[str, Any], before: Any, after: Any) -> dict[str, Any]:
        if isinstance(before, dict) and isinstance(after, dict):
            return self.form.write_edge_data(edge, before, after, str(edge.get("id")), self.remarks)
        return edge if same(before, after) else {**edge, "data": after}

    def _original_end(self, end: Any) -> Any:
        return self.ids.get(end, end) if isinstance(end, str) else end

    def _remark_rest(self) -> None:
        for name in Graph.model_fields:
            if name in ("slug", "nodes", "edges", "origin", *self.form.texts):
                continue
            there = self.document.get(name)
            if there and not same(_graph_value(name, there), value_of(Graph, {}, name)):
                self._left_out(name)

    def _left_out(self, name: str) -> None:
        self.remarks.add("left_out", name, f"no place for it in a document of {self.form.title}: left out")


def _graph_value(name: str, value: Any) -> Any:
    """A value of the whole with its own defaults filled in, so that it can be compared with none."""
    default = value_of(Graph, {}, name)
    return {**default, **value} if isinstance(default, dict) and isinstance(value, dict) else value


def _normal(kind: type[Value], values: object) -> list[Any]:
    """Nodes or edges with every default filled in; those that have problems as they are."""
    return [_normal_one(kind, value) for value in values] if isinstance(values, list) else []


def _normal_one(kind: type[Value], value: Any) -> Any:
    try:
        return kind.model_validate(value).model_dump(mode="json", by_alias=True)
    except (ValidationError, RecursionError):
        return value


def _by_match(values: list[Any]) -> defaultdict[str, deque[Any]]:
    found: defaultdict[str, deque[Any]] = defaultdict(deque)
    for value in values:
        found[_match(value)].append(value)
    return found


def _match(value: Any) -> str:
    """Equal for two readings of one node or edge."""
    value_id = _id(value)
    return f"id {value_id}" if value_id is not None else json.dumps(value, sort_keys=True)


def _id(value: Any) -> str | None:
    value_id = value.get("id") if isinstance(value, dict) else None
    return value_id if isinstance(value_id, str) else None


def _ends(edge: Any) -> str:
    return json.dumps([edge.get("source"), edge.get("target")]) if isinstance(edge, dict) else ""


def _arrows(edges: Iterable[Any]) -> Arrows:
    pairs = ((edge.get("source"), edge.get("target")) for edge in edges if isinstance(edge, dict))
    return Arrows((one, other) for one, other in pairs if isinstance(one, str) and isinstance(other, str))
