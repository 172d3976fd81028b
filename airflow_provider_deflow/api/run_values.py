# SPDX-License-Identifier: Apache-2.0
"""Runs as the API takes and gives them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import ConfigDict, Field

from airflow_provider_deflow.api.values import MOMENT, RUN_ID, SHA256, GraphDocument, Value


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


class TransactionView(Value):
    """A transaction on a chain."""

    what: str = Field(description="What it was for.", examples=["lock"])
    hash: str = Field(examples=[f"0x{'ab' * 32}"])
    url: str | None = Field(
        description="Its page, where the chain has a public explorer.",
        examples=[f"https://sepolia.etherscan.io/tx/0x{'ab' * 32}"],
    )


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
    transactions: list[TransactionView] = Field(description="That paid for its jobs, oldest first.")
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
