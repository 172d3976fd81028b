# SPDX-License-Identifier: Apache-2.0
"""Boxes and arrows of another program's document as nodes and edges of a graph.

Nothing is judged here: a value of the wrong type is put where it belongs, so that `find_problems`
says what is wrong with it. What another program may draw and a graph may not hold is made to fit
when its meaning is clear (an id with blanks, a second arrow of a pair); a remark says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_deflow.graphs.graph import default_edge_id
from airflow_provider_deflow.graphs.importers.form import DRAWING, Form, one_line, paragraphs
from airflow_provider_deflow.graphs.importers.remarks import Remarks
from airflow_provider_deflow.graphs.problem import DOCUMENT, Problem, path
from airflow_provider_deflow.graphs.structure import RESULTS, takes_bucket_files

COORDINATE_LIMIT = 1_000_000_000

_ITEM = re.compile(r"(nodes|edges)\[(\d+)\](.*)", re.DOTALL)
_NODE_ID = re.compile(r"[A-Za-z0-9_.-]{1,100}")
_EDGE_ID = re.compile(r"[^\x00-\x1f\x7f]{1,256}")
_NOT_IN_NODE_ID = re.compile(r"[^A-Za-z0-9_.-]")
_RESERVED = frozenset({".", "..", RESULTS})
_NODE_KEYS = frozenset({"id", "type", "position", "data"})
_EDGE_KEYS = frozenset({"id", "source", "target", "type", "data"})
# Text or a number; a number and its text are two ids.
Key = tuple[bool, Any]


@dataclass(frozen=True, slots=True)
class Placed:
    """A node or edge of the original, and what it is in the graph, when it is part of it."""

    original: Any
    value: Any
    is_part: bool = True


@dataclass(slots=True)
class Reading:
    """Another program's document, understood."""

    form: Form
    remarks: Remarks
    document: dict[str, Any] = field(default_factory=dict)
    nodes: list[Placed] = field(default_factory=list)
    edges: list[Placed] = field(default_factory=list)
    # an original node's id -> the node's id
    ids: dict[Key, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    # new id -> that in the original, as text
    renamed: dict[str, str] = field(default_factory=dict)

    def place(self, where: str) -> str:
        """A place in the graph document, as it is called in the original."""
        item = _ITEM.fullmatch(where)
        if item is None:
            # What is no JSON within `origin` is none in the original.
            return DOCUMENT if where == "origin" else self.renamed.get(where, where)
        kind, index, rest = item[1], int(item[2]), item[3]
        placed = self.nodes if kind == "nodes" else self.edges
        parts = [number for number, one in enumerate(placed) if one.is_part]
        number = parts[index] if index < len(parts) else index
        return f"{kind}[{number}]{self.form.place(rest) if kind == 'nodes' else rest}"


def read(original: dict[str, Any], form: Form, remarks: Remarks) -> Reading:
    """The other program's document as a graph document without slug and origin."""
    reading = Reading(form, remarks)
    nodes, edges = items(original, "nodes"), items(original, "edges")
    _name_nodes(reading, nodes)
    sources, targets = (
        {key(edge.get(end)) for edge in edges if isinstance(edge, dict)} for end in ("source", "target")
    )
    for index, node in enumerate(nodes):
        reading.nodes.append(_node(reading, index, node, sources, targets))
    takes_files = _bucket_takers(reading.nodes)
    taken: set[str] = set()
    pairs: set[tuple[str, str]] = set()
    for index, edge in enumerate(edges):
        reading.edges.append(_edge(reading, index, edge, takes_files, taken, pairs))
    for name in form.texts:
        kind = paragraphs if name == "description" else one_line
        reading.document[name] = kind(original.get(name), name, remarks)
    reading.document["nodes"] = _parts(original, "nodes", reading.nodes)
    reading.document["edges"] = _parts(original, "edges", reading.edges)
    _remark_kept(reading, original, {"nodes", "edges", *form.texts, *form.silent}, DOCUMENT)
    return reading


def items(original: dict[str, Any], name: str) -> list[Any]:
    """The nodes or edges of a document; none when there is no list of them."""
    found = original.get(name)
    return found if isinstance(found, list) else []


def key(original_id: object) -> Key | None:
    """What tells nodes apart, for an id that can."""
    if isinstance(original_id, str):
        return True, original_id
    if isinstance(original_id, int | float) and not isinstance(original_id, bool):
        return False, original_id
    return None


def unique(wanted: str, taken: Iterable[str]) -> str:
    """`wanted`, or with a number behind it that makes it one of its own."""
    others = set(taken)
    if wanted not in others:
        return wanted
    number = 2
    while f"{wanted}_{number}" in others:
        number += 1
    return f"{wanted}_{number}"


def _parts(original: dict[str, Any], name: str, placed: list[Placed]) -> Any:
    if name in original and not isinstance(original[name], list):
        return original[name]
    return [one.value for one in placed if one.is_part]


def _name_nodes(reading: Reading, nodes: list[Any]) -> None:
    keys = dict.fromkeys(key(node.get("id")) for node in nodes if isinstance(node, dict))
    known = [one for one in keys if one is not None]
    fit = [one for one in known if one[0] and _NODE_ID.fullmatch(one[1]) and one[1] not in _RESERVED]
    reading.ids.update((one, one[1]) for one in fit)
    taken = set(reading.ids.values()) | _RESERVED
    for one in known:
        if one not in reading.ids:
            node_id = unique(_NOT_IN_NODE_ID.sub("_", str(one[1]))[:90] or "node", taken)
            taken.add(node_id)
            reading.ids[one] = node_id
            reading.renamed[node_id] = str(one[1])


def _node(
    reading: Reading, index: int, node: Any, sources: set[Key | None], targets: set[Key | None]
) -> Placed:
    where = path(("nodes", index))
    if not isinstance(node, dict):
        return Placed(node, node)
    original_key = key(node.get("id"))
    if node.get("type") == "group" and original_key not in sources | targets:
        reading.remarks.add(
            "kept", where, "is a frame around other boxes: it is kept, and export gives it back"
        )
        return Placed(node, None, is_part=False)
    value: dict[str, Any] = {"type": "compute", "position": _position(reading, node, where)}
    if original_key is not None:
        node_id = reading.ids[original_key]
        value["id"] = node_id
        if node_id in reading.renamed:
            reading.remarks.add(
                "renamed", f"{where}.id", f"is no id that a task can have: the node is {node_id!r} here"
            )
    elif "id" in node:
        value["id"] = node["id"]
    kind = node.get("type")
    if not (kind is None or isinstance(kind, str)) or kind not in reading.form.kinds:
        reading.remarks.add(
            "kept", f"{where}.type", "is not known: the node is a compute job here; export gives it back"
        )
    value["data"] = _node_data(reading, node, where, original_key in targets)
    _remark_kept(reading, node, _NODE_KEYS | DRAWING, where)
    return Placed(node, value)


def _node_data(reading: Reading, node: dict[str, Any], where: str, has_incoming: bool) -> Any:
    data = node.get("data")
    data = {} if data is None else data
    if not isinstance(data, dict):
        return data
    _remark_kept(reading, data, reading.form.data_keys, f"{where}.data")
    return reading.form.read_data(data, f"{where}.data", has_incoming, reading.problems, reading.remarks)


def _position(reading: Reading, node: dict[str, Any], where: str) -> dict[str, Any]:
    position = node.get("position")
    if isinstance(position, dict):
        x, y = position.get("x"), position.get("y")
        if _is_coordinate(x) and _is_coordinate(y):
            return {"x": x, "y": y}
    reading.remarks.add("placed", f"{where}.position", "is no point with x and y: the node is drawn at 0, 0")
    return {"x": 0, "y": 0}


def _is_coordinate(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= COORDINATE_LIMIT


def _bucket_takers(nodes: list[Placed]) -> dict[str, bool | None]:
    known = [one.value for one in nodes if one.is_part and isinstance(one.value, dict)]
    return {
        node["id"]: takes_bucket_files(node["data"])
        for node in known
        if isinstance(node.get("id"), str) and isinstance(node["data"], dict)
    }


def _edge(
    reading: Reading,
    index: int,
    edge: Any,
    takes_files: dict[str, bool | None],
    taken: set[str],
    pairs: set[tuple[str, str]],
) -> Placed:
    where = path(("edges", index))
    if not isinstance(edge, dict):
        return Placed(edge, edge)
    value = {end: _end(reading, edge[end]) for end in ("source", "target") if end in edge}
    source, target = value.get("source"), value.get("target")
    if isinstance(source, str) and isinstance(target, str):
        if (source, target) in pairs:
            reading.remarks.add(
                "kept",
                where,
                "is a second edge of its pair, and one hands all over: it is kept, and export gives it back",
            )
            return Placed(edge, None, is_part=False)
        pairs.add((source, target))
    _remark_kept(reading, edge, _EDGE_KEYS | DRAWING, where)
    value["id"] = _edge_id(reading, edge, where, default_edge_id(source, target), taken)
    data = edge.get("data")
    data = {} if data is None else data
    if isinstance(data, dict):
        _remark_kept(reading, data, reading.form.edge_data_keys, f"{where}.data")
        data = reading.form.read_edge_data(data, takes_files.get(str(target)))
    value["data"] = data
    return Placed(edge, value)


def _end(reading: Reading, end: Any) -> Any:
    end_key = key(end)
    if end_key is None:
        return end
    return reading.ids.get(end_key, str(end))


def _edge_id(reading: Reading, edge: dict[str, Any], where: str, default: str, taken: set[str]) -> str:
    there = edge.get("id")
    if isinstance(there, str) and _EDGE_ID.fullmatch(there) and there not in taken:
        edge_id = there
    else:
        edge_id = unique(default[:240], taken)
        if there is not None:
            reading.remarks.add(
                "renamed", f"{where}.id", f"is no id of its own: the edge is {edge_id!r} here"
            )
    taken.add(edge_id)
    return edge_id


def _remark_kept(reading: Reading, there: dict[str, Any], known: Iterable[str], where: str) -> None:
    left = [f"`{name[:50]}`" for name in there if name not in known]
    if left:
        has, it = ("has", "it is") if len(left) == 1 else ("have", "they are")
        named = left[0] if len(left) == 1 else f"{', '.join(left[:-1])} and {left[-1]}"
        reading.remarks.add("kept", where, f"{named} {has} no place in a graph: {it} kept for export")
