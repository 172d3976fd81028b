# SPDX-License-Identifier: Apache-2.0
"""Why Airflow runs a compute task this time, and what a person asked of the run.

Airflow numbers a task's tries through all clears. A clear gives it its retries anew, counted from there
(`max_tries`), so that number names the round of tries that the clear began: a wish for a new job is met
once in a round, and the retries within it follow that job.

`from`, `only` and `to` are asked of a run of a graph only: in a Dag that somebody wrote, names as common as
these belong to its author. `force_new` concerns the nodes that run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors, generations
from airflow_provider_deflow.graphs import selection

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

FORCE_NEW = "force_new"


def occasion_of(context: Context, retries: int | None) -> generations.Occasion:
    """First try, retry or clear."""
    ti = context["ti"]
    return generations.occasion_of(ti.try_number, ti.max_tries, retries or 0)


def graph_of(task: BaseOperator) -> dict[str, Any]:
    """Slug, revision and hash of the graph that `task` is of, as the task that collects its results says."""
    from airflow_provider_deflow.operators.results import CollectResultsOperator

    collecting = (each for each in task.dag.tasks if isinstance(each, CollectResultsOperator))
    return next((dict(each.graph) for each in collecting), {})


def selection_of(task: BaseOperator, context: Context) -> selection.Selection | None:
    """What each node does when the run was asked for in part; None when every node runs.

    Raises `SettingsError` for what cannot be read or contradicts itself.
    """
    from airflow_provider_deflow.operators.compute import OceanComputeOperator
    from airflow_provider_deflow.operators.handover import HandoverOperator

    conf = context["dag_run"].conf or {}
    asked = {option: conf[option] for option in selection.OPTIONS if conf.get(option)}
    if not asked or not graph_of(task):
        return None
    for option, names in asked.items():
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise errors.SettingsError(
                f"`{option}` in the conf of this run is {names!r}: write a list of node ids."
            )
    tasks = task.dag.tasks
    return selection.select(
        [each.task_id for each in tasks if isinstance(each, OceanComputeOperator)],
        [(each.edge.source, each.edge.target) for each in tasks if isinstance(each, HandoverOperator)],
        asked,
    )


def wish_for_new(context: Context, task_id: str, *, always: bool) -> str:
    """The name of the wish for a new job in this round of tries; empty when nobody has one.

    `always` is the operator's own `force_new`. Raises `SettingsError` for a conf that says neither yes nor
    no nor for which tasks: the run that it was meant for should not quietly reuse what is there.
    """
    asked = (context["dag_run"].conf or {}).get(FORCE_NEW, False)
    if not isinstance(asked, bool) and not (
        isinstance(asked, list) and all(isinstance(one, str) for one in asked)
    ):
        raise errors.SettingsError(
            f"{FORCE_NEW} in the conf of this run is {asked!r}: write true, or a list of task ids."
        )
    wanted = always or asked is True or (isinstance(asked, list) and task_id in asked)
    return f"round {context['ti'].max_tries}" if wanted else ""
