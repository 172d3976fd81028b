# SPDX-License-Identifier: Apache-2.0
"""A graph becomes an ordinary Airflow Dag.

Exactly `edges + nodes + 1` tasks: one `OceanComputeOperator` per node (its id is the node's), one
`HandoverOperator` per edge (`<source>__<target>`), and `results`. A compute task waits for its own
edges and for nothing else; there are no layers. Operators take the graph's own values, so building
costs little more than Airflow's operators themselves.

What a graph's author wrote never becomes code, and none of it is a template of Airflow's: only
`job_request` fills in texts, and only the few that a run may vary.
"""

from __future__ import annotations

import datetime
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pendulum
from airflow.sdk import (
    DAG,
    Asset,
    AssetOrTimeSchedule,
    CronTriggerTimetable,
    Param,
    get_parsing_context,
)

from airflow_provider_deflow.graphs import graph as graphs
from airflow_provider_deflow.notifications import FailureAlarm
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.handover import HandoverOperator
from airflow_provider_deflow.operators.occasions import FORCE_NEW
from airflow_provider_deflow.operators.results import CollectResultsOperator
from airflow_provider_deflow.publication import DAG_ID as PUBLISH_DAG_ID
from airflow_provider_deflow.publication import publish_dag
from airflow_provider_deflow.upkeep.dag import DAG_ID as UPKEEP_DAG_ID
from airflow_provider_deflow.upkeep.dag import upkeep_dag

if TYPE_CHECKING:
    from collections.abc import Iterable

    from airflow_provider_deflow.hooks.published import PublishedGraph

RESULTS_TASK_ID = "results"
# Names and words of what `graphs.selection` tells in full.
PARTIAL_RUNS = {
    "from": (
        "Run from here",
        "These nodes and all that follows them run; the others keep their last outputs.",
    ),
    "only": ("Run only this", "These nodes run on the last outputs before them; the rest is skipped."),
    "to": ("Run up to here", "These nodes and all that leads to them run; the rest is skipped."),
}
TAG = "deflow"
# The Dags that are there without a graph.
OWN_DAGS = {UPKEEP_DAG_ID: upkeep_dag, PUBLISH_DAG_ID: publish_dag}
# Airflow needs a fixed first day to schedule from; without catchup it says nothing about the past.
START_DATE = pendulum.datetime(2024, 1, 1, tz="UTC")
# From [core] default_task_retry_delay on, each wait twice as long as the one before and up to as much again
# by chance. Airflow counts tries through all clears, so without an end to it they would grow without one.
BACKOFF: dict[str, Any] = {
    "retry_exponential_backoff": 2,
    "max_retry_delay": datetime.timedelta(minutes=15),
}
# One for all tasks: it keeps nothing.
FAILURE_ALARM = FailureAlarm()

log = logging.getLogger(__name__)


def build_dag(graph: graphs.Graph, *, revision: int | None = None) -> DAG:
    """The Dag of `graph`, the same for the same graph. `revision` goes into the results' manifest."""
    sha256 = graph.sha256
    with DAG(
        dag_id=graph.dag_id,
        dag_display_name=graph.name or graph.slug,
        description=graph.description or None,
        schedule=_schedule(graph.schedule),
        start_date=graph.schedule.starts_at or START_DATE,
        catchup=graph.schedule.catchup,
        params={**{name: _param(param) for name, param in graph.params.items()}, **_run_options(graph)},
        tags=[TAG, *graph.tags],
        # The hash is in the serialized Dag so that a changed graph is a new Dag version.
        doc_md=f"{graph.description}\n\n---\nGraph `{graph.slug}`, sha256 `{sha256}`.",
    ) as dag:
        defaults = graph.defaults
        computes = {
            node.id: OceanComputeOperator(
                task_id=node.id,
                node=node.data,
                defaults=defaults,
                budget=graph.budget,
                **_placement(node.data, defaults),
            )
            for node in graph.nodes
        }
        for edge in graph.edges:
            handover = HandoverOperator(
                task_id=edge.task_id, edge=edge, **_placement(computes[edge.target].node, defaults)
            )
            computes[edge.source] >> handover >> computes[edge.target]
        results = CollectResultsOperator(
            task_id=RESULTS_TASK_ID,
            graph={"slug": graph.slug, "revision": revision, "sha256": sha256},
            retries=defaults.retries,
            on_failure_callback=FAILURE_ALARM,
            **BACKOFF,
        )
        [computes[node.id] for node in graph.sinks] >> results
    return dag


def _placement(node: graphs.ComputeData, defaults: graphs.Defaults) -> dict[str, Any]:
    """Where Airflow runs a task of `node`, how often it tries, and who hears of its failure."""
    retries = defaults.retries if node.retries is None else node.retries
    placement: dict[str, Any] = {"retries": retries, "on_failure_callback": FAILURE_ALARM, **BACKOFF}
    if node.pool:
        placement["pool"] = node.pool
    if node.queue:
        placement["queue"] = node.queue
    return placement


def _schedule(schedule: graphs.Schedule) -> Any:
    assets = [Asset(uri) for uri in schedule.assets]
    if schedule.cron is None:
        return assets or None
    cron = CronTriggerTimetable(schedule.cron, timezone=schedule.timezone)
    return AssetOrTimeSchedule(timetable=cron, assets=assets) if assets else cron


def _param(parameter: graphs.Parameter) -> Param:
    """A parameter without a default has to be given at each trigger."""
    if parameter.default is None:
        return Param(schema=parameter.json_schema)
    return Param(parameter.default, schema=parameter.json_schema)


def _run_options(graph: graphs.Graph) -> dict[str, Param]:
    """What a person may ask of a run beside the graph's own parameters; `operators.occasions` reads it."""
    node_ids = [node.id for node in graph.nodes]
    some_nodes: dict[str, Any] = {"type": "array", "items": {"enum": node_ids}}
    return {
        FORCE_NEW: Param(
            False,
            title="New jobs",
            description="true, or the nodes that shall start a new job though there is one to reuse.",
            anyOf=[{"type": "boolean"}, some_nodes],
        ),
        # Airflow's form makes a choice among several of an array with examples.
        **{
            option: Param([], title=title, description=description, examples=node_ids, **some_nodes)
            for option, (title, description) in PARTIAL_RUNS.items()
        },
    }


def dag_from_file(loader: str) -> DAG:
    """The Dag of the graph whose revision lies beside `loader` (the bundle's own file), as JSON.

    Raises `InvalidGraph` with all its problems: an import error of that one file.
    """
    stored = json.loads(Path(loader).with_suffix(".json").read_text(encoding="utf-8"))
    graph = graphs.Graph.from_document(stored["document"])
    dag = build_dag(graph, revision=stored["revision"])
    dag.fileloc = loader
    return dag


def load_dags() -> dict[str, DAG]:
    """All published graphs as Dags, and DeFlow's own, for one Dag file: `globals().update(load_dags())`.

    The simple way, without the bundle: a run does not keep its revision. A worker builds only the
    Dag it runs. A graph with problems becomes a Dag without tasks whose page lists them. While
    MongoDB is away it is the graphs that this host saw last.
    """
    from airflow_provider_deflow.hooks.published import published_graphs

    only = get_parsing_context().dag_id
    if only in OWN_DAGS:
        return {only: OWN_DAGS[only]()}
    dags = {dag.dag_id: dag for dag in _dags(published_graphs(), only)}
    own = {dag_id: make() for dag_id, make in OWN_DAGS.items() if only is None}
    return {**dags, **own}


def _dags(published: Iterable[PublishedGraph], only: str | None) -> Iterable[DAG]:
    for each in published:
        dag_id = f"deflow_{each.slug}"
        if only not in (None, dag_id):
            continue
        try:
            yield build_dag(graphs.Graph.from_document(each.document), revision=each.revision)
        except Exception as error:  # whatever it is, it must not hide the other graphs of this file
            log.warning("graph %s cannot be built: %s", each.slug, error)
            yield DAG(dag_id=dag_id, schedule=None, tags=[TAG], doc_md=f"```\n{error}\n```")
