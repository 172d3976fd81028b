# SPDX-License-Identifier: Apache-2.0
"""What another program's document has of its own: its keys, and what a node's and an edge's data mean.

All of them draw with React Flow, so that boxes and arrows are read and written in one way for all.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, ClassVar, Literal

from airflow_provider_deflow.graphs.graph import VIEW_STATE
from airflow_provider_deflow.graphs.importers.remarks import Remarks
from airflow_provider_deflow.graphs.problem import Problem
from airflow_provider_deflow.graphs.sources import Value

# What React Flow itself keeps with a box or an arrow to draw it, besides what a graph knows and drops.
DRAWING = VIEW_STATE | {
    "ariaLabel",
    "className",
    "connectable",
    "deletable",
    "dragHandle",
    "draggable",
    "expandParent",
    "extent",
    "focusable",
    "handles",
    "hidden",
    "initialHeight",
    "initialWidth",
    "interactionWidth",
    "markerEnd",
    "markerStart",
    "origin",
    "pathOptions",
    "positionAbsolute",
    "reconnectable",
    "resizing",
    "selectable",
    "sourcePosition",
    "targetPosition",
    "zIndex",
}
LINE_LIMIT = 200
PROSE_LIMIT = 10_000

_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


Role = Literal["input", "middle", "output"]


class Arrows:
    """The edges of a graph as pairs of node ids."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self.pairs = frozenset(pairs)
        self._sources = {source for source, _ in self.pairs}
        self._targets = {target for _, target in self.pairs}

    def role(self, node_id: object) -> Role:
        """`input` for a node that nothing comes to, `output` for one that nothing goes on from."""
        if node_id not in self._targets:
            return "input"
        return "middle" if node_id in self._sources else "output"

    def layers(self, node_ids: Iterable[str]) -> list[list[str]]:
        """The nodes, each in the first layer that comes after all that it needs; none that is on a cycle."""
        left = dict.fromkeys(node_ids)
        needs: dict[str, set[str]] = {node_id: set() for node_id in left}
        for source, target in self.pairs:
            if source in needs and target in needs:
                needs[target].add(source)
        layers: list[list[str]] = []
        while ready := [node_id for node_id in left if needs[node_id].isdisjoint(left)]:
            layers.append(ready)
            for node_id in ready:
                del left[node_id]
        return layers


class Form(ABC):
    """One program's documents; an instance knows the Airflow connections of their Ocean Nodes."""

    name: ClassVar[str]
    title: ClassVar[str]
    # Keys of the whole that a graph has too, and those that go without saying.
    texts: ClassVar[tuple[str, ...]]
    silent: ClassVar[frozenset[str]]
    # Keys of a node's data that are read.
    data_keys: ClassVar[frozenset[str]]
    # Keys of an edge's data that are read.
    edge_data_keys: ClassVar[frozenset[str]] = frozenset()
    # Kinds of node that go without saying.
    kinds: ClassVar[frozenset[str | None]]

    def __init__(self, connections: Mapping[str, str], named_now: Mapping[str, str] | None = None) -> None:
        """Airflow connections of Ocean Nodes by URL; in writing, those `named_now` come first."""
        self.connections = dict(connections)
        self._urls = {name: url for url, name in reversed(self.connections.items())}
        self._urls.update((name, url) for url, name in (named_now or {}).items())

    @staticmethod
    @abstractmethod
    def blank() -> dict[str, Any]:
        """A document without nodes."""

    @abstractmethod
    def read_data(
        self,
        data: dict[str, Any],
        where: str,
        has_incoming: bool,
        problems: list[Problem],
        remarks: Remarks,
    ) -> dict[str, Any]:
        """A compute node's data."""

    @abstractmethod
    def read_edge_data(self, data: dict[str, Any], takes_bucket_files: bool | None) -> dict[str, Any]:
        """An edge's data."""

    @abstractmethod
    def place(self, where: str) -> str:
        """A place below a node of a graph document (`.data.algorithm.did`), as it is called there."""

    def with_defaults(self, data: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
        """A node's data with those defaults of the graph that the other program cannot say for all nodes."""
        return data

    @abstractmethod
    def write_data(
        self,
        data: dict[str, Any],
        before: dict[str, Any],
        after: dict[str, Any],
        where: str,
        remarks: Remarks,
    ) -> dict[str, Any]:
        """A node's `data` with what differs between two readings of it."""

    @abstractmethod
    def write_edge_data(
        self,
        edge: dict[str, Any],
        before: dict[str, Any],
        after: dict[str, Any],
        where: str,
        remarks: Remarks,
    ) -> dict[str, Any]:
        """An edge with what differs between two readings of its data."""

    @abstractmethod
    def write_kind(self, node: dict[str, Any], before: Role | None, after: Role) -> dict[str, Any]:
        """A node with its kind, which may come from where it stands; `before` is `None` for a new one."""

    @abstractmethod
    def write_layers(self, original: dict[str, Any], layers: list[list[Any]]) -> None:
        """Put right what the document keeps about the order of its nodes, when it keeps any."""


@cache
def _default_texts(kind: type[Value]) -> dict[str, str]:
    """The default of each key, as JSON text so that nobody can change it."""
    return {
        name: json.dumps(default.model_dump(mode="json") if isinstance(default, Value) else default)
        for name, known in kind.model_fields.items()
        if not known.is_required()
        for default in [known.get_default(call_default_factory=True)]
    }


def value_of(kind: type[Value], data: Mapping[str, Any], key: str) -> Any:
    """What the data of a node or edge say, its default when they say nothing."""
    if key in data:
        return data[key]
    return json.loads(_default_texts(kind).get(key, "null"))


def changes(kind: type[Value], before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The keys that differ between two readings of a node's or edge's data, as they are after."""
    return {
        name: value_of(kind, after, name)
        for name in kind.model_fields
        if not same(value_of(kind, before, name), value_of(kind, after, name))
    }


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal, true and 1 being two."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def one_line(text: object, where: str, remarks: Remarks) -> str:
    """A label or a name; what is no line of text is made one, and that is said."""
    if text is None:
        return ""
    if not isinstance(text, str):
        remarks.add("reworded", where, "is no text, and empty here; export gives it back")
        return ""
    line = " ".join(_CONTROLS.sub(" ", text).split()) if _CONTROLS.search(text) else text
    if line != text or len(line) > LINE_LIMIT:
        remarks.add(
            "reworded", where, f"is one line of at most {LINE_LIMIT} characters here; export gives it back"
        )
    return line[:LINE_LIMIT]


def paragraphs(text: object, where: str, remarks: Remarks) -> str:
    """A description; what is none is left out, and that is said."""
    if isinstance(text, str) and "\0" not in text and len(text) <= PROSE_LIMIT:
        return text
    if text is not None:
        remarks.add(
            "reworded",
            where,
            f"is no text of at most {PROSE_LIMIT} characters, and empty here; export gives it back",
        )
    return ""
