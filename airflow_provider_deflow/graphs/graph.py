# SPDX-License-Identifier: Apache-2.0
"""The graph document as frozen values: what the editor saves and what a Dag is built from.

Reading fills in every default, drops React Flow's view state, and refuses unknown keys, so one graph
has one form. `problems` finds what is wrong with a document; what is here has been found right.

The canonical form holds all that a user wrote, box positions and labels included: a revision gives
back the drawing that was published, and its sha256 proves exactly that. Whether a job has to be
computed again is another question, answered by the hash of the job's own inputs.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, model_validator

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import values
from airflow_provider_deflow.graphs.schedule import AnySchedule, Parameter, Schedule
from airflow_provider_deflow.graphs.sources import (
    Algorithm,
    CodeAlgorithm,
    Dataset,
    DidAlgorithm,
    DidDataset,
    FileAlgorithm,
    FileDataset,
    FileObject,
    UploadDataset,
    Value,
)

__all__ = [
    "Algorithm",
    "Budget",
    "CodeAlgorithm",
    "ComputeData",
    "ComputeNode",
    "Dataset",
    "Defaults",
    "DidAlgorithm",
    "DidDataset",
    "EdgeData",
    "FileAlgorithm",
    "FileDataset",
    "FileObject",
    "Graph",
    "GraphEdge",
    "GraphNode",
    "Note",
    "Parameter",
    "Payment",
    "Position",
    "Schedule",
    "UploadDataset",
    "dids_of",
    "is_inline_python",
    "is_paid",
    "takes_bucket_files",
]

INPUTS_VARIABLE = "DEFLOW_INPUTS"
VIEW_STATE = frozenset(
    [
        "measured",
        "selected",
        "dragging",
        "width",
        "height",
        "animated",
        "sourceHandle",
        "targetHandle",
        "style",
    ]
)


def _without(keys: frozenset[str], value: Any) -> Any:
    if not isinstance(value, dict) or keys.isdisjoint(value):
        return value
    return {key: item for key, item in value.items() if key not in keys}


class Position(Value):
    """Where the box is drawn."""

    x: values.Coordinate = 0
    y: values.Coordinate = 0


class Payment(Value):
    """How the compute job is paid: `paid` from the wallet's funds in the escrow, within the budget."""

    mode: Literal["free", "paid"] = "free"


def _little() -> dict[str, Any]:
    return {"cpu": 1, "ram": 1}


class ComputeData(Value):
    """One compute job: what runs, on which data, within which limits; `None` = the graph's default."""

    label: values.Line = ""
    ocean_node: values.ConnectionId | None = None
    wallet: values.ConnectionId | None = None
    environment: values.EnvironmentId | None = None
    compute_resources: dict[values.ResourceName, values.Quantity] = Field(default_factory=_little)
    max_duration_seconds: values.DurationSeconds | None = None
    algorithm: Algorithm
    environment_variables: dict[values.VariableName, values.VariableValue] = Field(default_factory=dict)
    datasets: values.Many[Dataset] = ()
    payment: Payment = Payment()
    retries: values.Retries | None = None
    pool: values.Label | None = None
    queue: values.Label | None = None


class ComputeNode(Value):
    """A box of the graph that is one compute job."""

    id: values.NodeId
    type: Literal["compute"] = "compute"
    position: Position = Position()
    data: ComputeData

    @model_validator(mode="before")
    @classmethod
    def _drop_view_state(cls, node: Any) -> Any:
        return _without(VIEW_STATE, node)


# The one kind so far; the next makes this a union by `type`.
GraphNode = ComputeNode


class EdgeData(Value):
    """How the producer's files reach the consumer, and which (patterns of names below its outputs)."""

    handover: Literal["auto", "bucket", "url", "asset"] = "auto"
    files: values.Globs = ("*",)


class GraphEdge(Value):
    """An arrow: the outputs of `source` become datasets of `target`."""

    id: values.Label = ""
    source: values.NodeId
    target: values.NodeId
    data: EdgeData = EdgeData()

    @property
    def task_id(self) -> str:
        """The Airflow task that does this handover."""
        return f"{self.source}__{self.target}"

    @model_validator(mode="before")
    @classmethod
    def _name_and_drop_view_state(cls, edge: Any) -> Any:
        if isinstance(edge, dict) and "id" not in edge:
            edge = {"id": default_edge_id(edge.get("source"), edge.get("target")), **edge}
        return _without(VIEW_STATE, edge)


class Note(Value):
    """Words on the canvas for people; nothing runs."""

    id: values.Label
    position: Position = Position()
    width: values.Coordinate = 220
    height: values.Coordinate = 110
    text: values.Prose = ""


class Budget(Value):
    """The most that runs may cost, in whole tokens of `fee_token`; `None` = nothing is set.

    A graph with a paid node needs `per_run`. Without a `fee_token` it is the only one that the compute
    environment takes. A day is one of UTC, and counts what was reserved on it.
    """

    per_run: values.Amount | None = None
    per_day: values.Amount | None = None
    fee_token: values.TokenAddress | None = None


class Defaults(Value):
    """What a node takes that says nothing of its own."""

    ocean_node: values.ConnectionId = "ocean_node_default"
    wallet: values.ConnectionId = "ocean_wallet_default"
    max_duration_seconds: values.DurationSeconds = 3600
    retries: values.Retries = 2


class Graph(Value):
    """A drawn graph. Made by `from_document`, which accepts no graph that has problems."""

    slug: values.Slug
    name: values.Line = ""
    description: values.Prose = ""
    owner: values.Line = ""
    tags: values.Many[values.Tag] = ()
    schedule: AnySchedule = Schedule()
    params: dict[values.ParameterName, Parameter] = Field(default_factory=dict)
    budget: Budget = Budget()
    defaults: Defaults = Defaults()
    nodes: values.Many[GraphNode] = ()
    edges: values.Many[GraphEdge] = ()
    notes: values.Many[Note] = ()
    origin: values.Opaque = None

    @model_validator(mode="before")
    @classmethod
    def _drop_view_state(cls, graph: Any) -> Any:
        return _without(frozenset({"viewport"}), graph)

    @classmethod
    def from_document(cls, document: Any) -> Graph:
        """The graph that `document` describes. Raises `InvalidGraph` with all its problems."""
        from airflow_provider_deflow.graphs import problems  # it reads documents by this class

        graph, found = problems.read(document)
        if graph is None or found:
            slug = document.get("slug") if isinstance(document, dict) else None
            raise errors.InvalidGraph(slug[:100] if isinstance(slug, str) else "", found)
        return graph

    def to_document(self) -> dict[str, Any]:
        """The JSON form with every default filled in; `from_document` gives an equal graph."""
        # Without notes the text, and so the hash, is what it was before graphs could have any.
        return self.model_dump(mode="json", by_alias=True, exclude=None if self.notes else {"notes"})

    def canonical(self) -> bytes:
        """The one text of this graph: equal graphs give equal bytes."""
        return json.dumps(
            self.to_document(), sort_keys=True, separators=(",", ":"), ensure_ascii=False
        ).encode()

    @cached_property
    def sha256(self) -> str:
        """The hash of the canonical form, in hexadecimal."""
        return hashlib.sha256(self.canonical()).hexdigest()

    @property
    def dag_id(self) -> str:
        """The Airflow Dag of this graph."""
        return f"deflow_{self.slug}"

    def incoming(self, node_id: str) -> tuple[GraphEdge, ...]:
        """The edges that end at a node, in the document's order."""
        return self._incoming.get(node_id, ())

    def outgoing(self, node_id: str) -> tuple[GraphEdge, ...]:
        """The edges that begin at a node, in the document's order."""
        return self._outgoing.get(node_id, ())

    @property
    def sinks(self) -> tuple[GraphNode, ...]:
        """The nodes whose outputs are the graph's results."""
        return tuple(node for node in self.nodes if node.id not in self._outgoing)

    @cached_property
    def _incoming(self) -> dict[str, tuple[GraphEdge, ...]]:
        return _grouped((edge.target, edge) for edge in self.edges)

    @cached_property
    def _outgoing(self) -> dict[str, tuple[GraphEdge, ...]]:
        return _grouped((edge.source, edge) for edge in self.edges)


def _grouped(pairs: Iterable[tuple[str, GraphEdge]]) -> dict[str, tuple[GraphEdge, ...]]:
    groups: dict[str, list[GraphEdge]] = defaultdict(list)
    for key, edge in pairs:
        groups[key].append(edge)
    return {key: tuple(edges) for key, edges in groups.items()}


def default_edge_id(source: object, target: object) -> str:
    """The id of an edge that was given none."""
    return f"{source}-{target}"


def is_paid(data: ComputeData) -> bool:
    """Whether the node's job is paid."""
    return data.payment.mode == "paid"


def dids_of(data: ComputeData) -> list[str]:
    """The assets that the node names, each one once."""
    named = [data.algorithm, *data.datasets]
    return list(dict.fromkeys(one.did for one in named if isinstance(one, DidAlgorithm | DidDataset)))


def is_inline_python(data: ComputeData) -> bool:
    """Whether the algorithm is inline Python, to which lines can be added that prepare its inputs."""
    return isinstance(data.algorithm, CodeAlgorithm) and values.runs_python(data.algorithm.entrypoint)


def takes_bucket_files(data: ComputeData) -> bool:
    """Whether the node can take files from a bucket: we prepare it, or it says it reads DEFLOW_INPUTS."""
    return is_inline_python(data) or INPUTS_VARIABLE in data.environment_variables
