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


class GraphList(Value):
    """One page of the graphs that you may read; `total` counts all that match."""

    graphs: list[GraphListed]
    total: int = Field(examples=[1])


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


# ---- runs -------------------------------------------------------------------------------------------------


class RunListed(Value):
    """A run in a list; `state` is Airflow's word: queued, running, success, failed."""

    run_id: str = Field(examples=[RUN_ID])
    state: str = Field(examples=["success"])
    revision: int | None = Field(examples=[2])
    started_at: datetime | None = Field(examples=[MOMENT])
    ended_at: datetime | None = Field(examples=[MOMENT])
    run_after: datetime = Field(examples=[MOMENT])
    triggered_by: str = Field(description="A user's name, else what started it.", examples=["ada"])


class RunList(Value):
    """The newest runs, newest first."""

    runs: list[RunListed]


class NewRun(Value):
    """What to run: all, or a part. `only` stands alone; `from` and `to` go together."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    params: dict[str, Any] = Field(default_factory=dict, examples=[{"threshold": 0.7}])
    from_: list[str] = Field([], alias="from", examples=[["train"]])
    only: list[str] = Field([], examples=[[]])
    to: list[str] = Field([], examples=[[]])
    force_new: bool | list[str] = Field(
        False,
        description="Start new jobs, also where one is there to reuse: all, or these nodes.",
        examples=[False],
    )


class StartedRun(Value):
    """The run is on its way."""

    run_id: str = Field(examples=[RUN_ID])


class StoppingRun(Value):
    """The run was told to end; its jobs are stopped by their tasks."""

    run_id: str = Field(examples=[RUN_ID])
    state: str = Field(examples=["failed"])


class KeptFile(Value):
    """A file in DeFlow's storage."""

    name: str = Field(examples=["model.json"])
    size: int = Field(description="Bytes.", examples=[1234])
    sha256: str = Field(examples=[SHA256])


class NodeRun(Value):
    """What became of a node in a run."""

    state: str | None = Field(
        description="Airflow's word for the task: running, deferred (it computes), success, failed, "
        "skipped, upstream_failed, up_for_retry …; null while nothing was decided.",
        examples=["success"],
    )
    attempt: int = Field(description="0 before the first.", examples=[1])
    outcome: str | None = Field(
        description="Of its job: succeeded, failed, stopped; reused when an earlier run's outputs stood in.",
        examples=["succeeded"],
    )
    started_at: datetime | None = Field(examples=[MOMENT])
    elapsed_seconds: float | None = Field(examples=[12.5])
    job_id: str | None = Field(examples=["0x7d18-a4ad237d"])
    ocean_node: str | None = Field(description="Scheme and host.", examples=["https://node.example:8001"])
    message: str | None = Field(description="Why it failed.", examples=[None])
    hint: str | None = Field(description="Whose turn it is, and what to do.", examples=[None])
    cost: str | None = Field(
        description="Of a paid job, in whole tokens; `at most` until it is settled.",
        examples=["at most 0.25 0x1234…abcd"],
    )
    outputs: list[KeptFile]


class EdgeRun(Value):
    """What became of an edge's handover in a run."""

    state: str | None = Field(examples=["success"])
    attempt: int = Field(examples=[1])
    started_at: datetime | None = Field(examples=[MOMENT])
    elapsed_seconds: float | None = Field(examples=[0.8])
    mode: str | None = Field(description="How the files went: bucket, url, upload.", examples=["bucket"])
    files: int | None = Field(examples=[1])
    size: int | None = Field(description="Bytes.", examples=[1234])
    message: str | None = Field(examples=[None])


class ResultsRun(Value):
    """The run's result: one archive of the last nodes' outputs, and its manifest."""

    state: str | None = Field(examples=["success"])
    files: list[KeptFile]


class RunView(Value):
    """A run with the drawing as it was then."""

    run_id: str = Field(examples=[RUN_ID])
    state: str = Field(examples=["success"])
    revision: int | None = Field(examples=[2])
    started_at: datetime | None = Field(examples=[MOMENT])
    ended_at: datetime | None = Field(examples=[MOMENT])
    document: GraphDocument
    nodes: dict[str, NodeRun] = Field(description="By node id.")
    edges: dict[str, EdgeRun] = Field(description="By `<source>__<target>`.")
    results: ResultsRun


class LogLines(Value):
    """The end of a task's log; while `is_over` is false there may be more."""

    lines: list[str] = Field(examples=[["job 0x7d18-a4ad237d: running"]])
    is_over: bool = Field(examples=[True])


# ---- catalogue --------------------------------------------------------------------------------------------


class Upload(Value):
    """A kept file, as a node names it under `datasets`: `{"upload": sha256, "name": name}`."""

    sha256: str = Field(examples=[SHA256])
    name: str = Field(examples=["patients.csv"])
    size: int = Field(description="Bytes.", examples=[1234])


class OceanNodeListed(Value):
    """An Airflow connection of type `ocean_node` that you may use."""

    conn_id: str = Field(examples=["ocean_node_default"])
    url_host: str = Field(
        description="Host and port, nothing else of its URL.", examples=["node.example:8001"]
    )


class OceanNodeList(Value):
    """What a node of a graph may name as `ocean_node`."""

    ocean_nodes: list[OceanNodeListed]


class EnvironmentList(Value):
    """The compute environments of an Ocean Node: resources, load, prices, as it says at this moment."""

    environments: list[dict[str, Any]] = Field(
        examples=[[{"id": "0x1-0x2", "description": "small", "fees": [], "free": {"max_jobs": 2}}]]
    )


class Template(Value):
    """A drawing to begin with."""

    slug: str = Field(examples=["two-steps"])
    name: str = Field(examples=["Two steps"])
    description: str = Field(examples=["Cleans, then trains."])
    document: GraphDocument


class TemplateList(Value):
    """Drawings to begin with."""

    templates: list[Template]
