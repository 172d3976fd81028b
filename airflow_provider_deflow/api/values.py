# SPDX-License-Identifier: Apache-2.0
"""What the API takes and gives, as values with examples: which the OpenAPI document is made from.

Nothing here knows where a value comes from. A graph's document is any JSON object: what is wrong in one is
told as problems, never refused by its shape, so that half a drawing can be saved.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from airflow_provider_deflow.graphs import problem, values

MOMENT = "2026-01-31T06:00:00Z"
SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
RUN_ID = "manual__2026-01-31T06:00:00+00:00"
DOCUMENT: dict[str, Any] = {
    "slug": "two-steps",
    "name": "Two steps",
    "nodes": [
        {"id": "clean", "data": {"algorithm": {"code": "print(1)"}}},
        {"id": "train", "data": {"algorithm": {"code": "print(2)"}}},
    ],
    "edges": [{"source": "clean", "target": "train"}],
}

GraphDocument = Annotated[
    dict[str, Any],
    AfterValidator(values.json_copy),
    Field(description="A graph document; `graphs/graph.schema.json` is its schema.", examples=[DOCUMENT]),
]
OtherDocument = Annotated[dict[str, Any], AfterValidator(values.json_copy)]


class Value(BaseModel):
    """Frozen; what is asked with an unknown key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Problem(Value):
    """One thing to put right; `where` is a node's id, an edge's id, or a path in what was sent."""

    code: str = Field(examples=["missing"])
    where: str = Field(examples=["nodes[0].data.algorithm"])
    message: str = Field(examples=["is required and not there: add it"])

    @classmethod
    def of(cls, found: problem.Problem) -> Problem:
        return cls(code=found.code, where=found.where, message=found.message)


class Problems(Value):
    """All problems; none means that a Dag can be built."""

    problems: list[Problem]


class Fault(Value):
    """Every refusal and failure has this shape."""

    error: str = Field(description="A word for programs.", examples=["not_found"])
    message: str = Field(
        description="What happened, why, and what to do, for people.",
        examples=["there is no graph 'two-steps': GET /deflow/api/v1/graphs shows all"],
    )
    problems: list[Problem] | None = Field(None, description="Where to put what right.")


# ---- graphs -----------------------------------------------------------------------------------------------


class LastRun(Value):
    """The newest run of a graph that has begun, else one that waits."""

    run_id: str = Field(examples=[RUN_ID])
    state: str = Field(description="Airflow's word.", examples=["success"])
    started_at: datetime | None = Field(examples=[MOMENT])
    ended_at: datetime | None = Field(examples=[MOMENT])
    run_after: datetime = Field(examples=[MOMENT])


class GraphListed(Value):
    """A graph in a list."""

    slug: str = Field(examples=["two-steps"])
    name: str = Field(examples=["Two steps"])
    description: str = Field(examples=["Cleans, then trains."])
    owner: str = Field(description="As the drawing says, else who saved it last.", examples=["ada"])
    tags: list[str] = Field(examples=[["example"]])
    dag_id: str = Field(examples=["deflow_two-steps"])
    version: int = Field(description="Of the draft; grows with every save.", examples=[3])
    revision: int | None = Field(description="The published one in force.", examples=[2])
    changed_at: datetime = Field(examples=[MOMENT])
    is_published: bool = Field(examples=[True])
    has_unpublished_changes: bool = Field(examples=[False])
    may_edit: bool = Field(description="Whether you may.", examples=[True])
    last_run: LastRun | None = Field(description="Null where there is none that you may see.")
    next_run_at: datetime | None = Field(
        description="When the schedule starts the next; null without one, and while the Dag is paused.",
        examples=[MOMENT],
    )


class GraphList(Value):
    """One page of the graphs that you may read; `total` counts all that match."""

    graphs: list[GraphListed]
    total: int = Field(examples=[1])
    may_create: bool = Field(description="Whether you may save new graphs, and import.")


class GraphView(Value):
    """A graph as drawn now."""

    slug: str = Field(examples=["two-steps"])
    dag_id: str = Field(examples=["deflow_two-steps"])
    document: GraphDocument
    version: int = Field(description="Send it back in `If-Match`.", examples=[3])
    revision: int | None = Field(description="The published one in force.", examples=[2])
    has_unpublished_changes: bool = Field(examples=[False])
    saved_by: str = Field(examples=["ada"])
    saved_at: datetime = Field(examples=[MOMENT])
    problems: list[Problem]
    may_edit: bool = Field(examples=[True])
    may_run: bool = Field(examples=[True])


class Conflict(Fault):
    """Somebody saved meanwhile: `theirs` is what is there now, null when it was deleted."""

    theirs: GraphView | None


class NewGraph(Value):
    """A drawing, whose `slug` names the graph."""

    document: GraphDocument


class Draft(Value):
    """A drawing, problems or not."""

    document: GraphDocument
    message: str = Field("", max_length=2000, examples=["Clean twice"])


class Duplicate(Value):
    """What the copy is called."""

    slug: values.Slug = Field(examples=["two-steps-again"])
    name: values.Line | None = Field(None, examples=["Two steps, again"])


class Validate(Value):
    """A drawing to look at."""

    document: GraphDocument


class Import(Value):
    """Another program's document, or a DeFlow graph document, and the slug it shall have here."""

    format: Literal["deflow", "react-flow", "document"] = Field(
        description="`deflow` is the original DeFlow, `document` a graph document as exported here.",
        examples=["react-flow"],
    )
    document: OtherDocument = Field(
        examples=[{"nodes": [{"id": "1", "position": {"x": 0, "y": 0}, "data": {}}], "edges": []}]
    )
    slug: values.Slug = Field(examples=["imported"])


class Imported(Value):
    """A graph document, not saved yet; its problems name places in what was sent."""

    document: GraphDocument
    problems: list[Problem]
    remarks: list[Problem] = Field(description="What was changed or left out, and why.")


# ---- revisions --------------------------------------------------------------------------------------------


class Message(Value):
    """What was changed, for the history."""

    message: str = Field("", max_length=2000, examples=["Clean twice"])


class PublishedRevision(Value):
    """What Airflow will run; the Dag follows within seconds."""

    revision: int = Field(examples=[3])
    dag_id: str = Field(examples=["deflow_two-steps"])


class RevisionListed(Value):
    """One line of a graph's history."""

    revision: int = Field(examples=[2])
    author: str = Field(examples=["ada"])
    message: str = Field(examples=["Clean twice"])
    published_at: datetime = Field(examples=[MOMENT])


class RevisionList(Value):
    """All that ever were, newest first."""

    revisions: list[RevisionListed]


class RevisionView(RevisionListed):
    """A published state of a graph, for ever as it is."""

    document: GraphDocument


class FieldChange(Value):
    """A value at a path; null where there was, or is, none."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    path: str = Field(examples=["data.algorithm.code"])
    before: Any = Field(alias="from", examples=["print(1)"])
    after: Any = Field(alias="to", examples=["print(2)"])


class ChangedPart(Value):
    """A node or edge that is in both."""

    id: str = Field(examples=["clean"])
    fields: list[FieldChange]


class PartChanges(Value):
    """Nodes or edges by id."""

    added: list[str] = Field(examples=[["train"]])
    removed: list[str] = Field(examples=[[]])
    changed: list[ChangedPart]


class Difference(Value):
    """What differs; where boxes stand on the canvas is not looked at."""

    nodes: PartChanges
    edges: PartChanges
    graph: list[FieldChange] = Field(description="All else: name, schedule, parameters, defaults …")
