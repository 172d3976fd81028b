# SPDX-License-Identifier: Apache-2.0
"""Runs of a graph: start, list, look, read a log, stop.

Airflow says how a run and its tasks stand, asked as the user; the ledger, which jobs there were, what they
left and why they failed; the graph store, what the drawing was then.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.concurrency import run_in_threadpool

from airflow_provider_deflow import errors
from airflow_provider_deflow.api import access, run_values, run_view, stores, values
from airflow_provider_deflow.api.access import GraphSlug, User
from airflow_provider_deflow.api.airflow_rest import AirflowAsUser, AirflowRest, dag_path, log_path, run_path
from airflow_provider_deflow.api.faults import Refusal, documented
from airflow_provider_deflow.graphs import values as words
from airflow_provider_deflow.graphs.problem import Problem
from airflow_provider_deflow.graphs.selection import OPTIONS, select

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs.store import Revision

router = APIRouter(tags=["runs"])

FOLDING = ("::group::", "::endgroup::")  # marks for Airflow's own log page
LOG_LINES = 2000
# Under `deflow up` Airflow has read what was published within 5 s.
READ_SECONDS = 8.0
POLL_SECONDS = 0.5
# As long as a scheduler mostly takes from reading a run to writing what it found of it.
SCHEDULER_SECONDS = 1.0
MARKED_TIMES = 5

RunId = Annotated[
    str,
    Path(pattern=r"^[^\x00-\x1f\x7f]{1,250}$", description="As Airflow calls it.", examples=[values.RUN_ID]),
]
TaskId = Annotated[
    words.NodeId | Annotated[str, Path(pattern=r"^[A-Za-z0-9_.-]{1,250}$")],
    Path(description="A node's id, `<source>__<target>` of an edge, or `results`.", examples=["train"]),
]


@router.get("/graphs/{slug}/runs", dependencies=[access.ReadsRuns], responses=documented(404))
async def list_runs(
    slug: GraphSlug, airflow: AirflowAsUser, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> run_values.RunList:
    """The newest runs, newest first; none while Airflow does not know the graph's Dag yet."""
    dag_id = access.dag_id_of(slug)
    if await airflow.find(dag_path(dag_id)) is None:
        await run_in_threadpool(lambda: stores.graph_store().draft(slug))  # says so when there is none
        return run_values.RunList(runs=[])
    reply = await airflow.get(f"{dag_path(dag_id)}/dagRuns", {"limit": limit, "order_by": "-run_after"})
    history = await run_in_threadpool(lambda: stores.graph_store().history(slug))
    return run_values.RunList(runs=[run_view.line_of(run, history) for run in reply["dag_runs"]])


@router.post(
    "/graphs/{slug}/runs",
    status_code=201,
    dependencies=[access.StartsRuns],
    responses={
        **documented(404),
        409: {
            "model": values.Fault,
            "description": "`not_published`: publish it first. `not_ready`: Airflow has not read the newest "
            "revision yet, ask again in a moment. `paused`: the Dag is, and you may not unpause it",
        },
    },
)
async def start_run(
    slug: GraphSlug, asked: run_values.NewRun, airflow: AirflowAsUser, user: User
) -> run_values.StartedRun:
    """Run the newest revision, the whole of it or a part; a paused Dag is unpaused."""
    dag_id = access.dag_id_of(slug)
    revision = await run_in_threadpool(_in_force, slug)
    part = _part(asked, revision)
    details = await _details_of(airflow, dag_id, revision)
    if details["is_paused"]:
        if not await run_in_threadpool(access.may, user, "PUT", slug):
            raise Refusal(409, "paused", f"{dag_id} is paused: ask who may edit it to unpause it in Airflow.")
        await airflow.send("PATCH", dag_path(dag_id), {"is_paused": False})
    body = {"logical_date": None, "conf": {**asked.params, **part}}
    reply = await airflow.send("POST", f"{dag_path(dag_id)}/dagRuns", body)
    return run_values.StartedRun(run_id=reply["dag_run_id"])


@router.get("/graphs/{slug}/runs/{run_id}", dependencies=[access.ReadsRuns], responses=documented(404))
async def read_run(slug: GraphSlug, run_id: RunId, airflow: AirflowAsUser) -> run_values.RunView:
    """How every node and edge stands, with the drawing as it was when the run began."""
    dag_id = access.dag_id_of(slug)
    run = await airflow.get(run_path(dag_id, run_id))
    tasks = await airflow.task_instances(dag_id, run_id)
    return await run_in_threadpool(run_view.of_run, slug, run, tasks)


@router.post(
    "/graphs/{slug}/runs/{run_id}/stop",
    status_code=202,
    dependencies=[access.ChangesRuns],
    responses=documented(404),
)
async def stop_run(slug: GraphSlug, run_id: RunId, airflow: AirflowAsUser) -> run_values.StoppingRun:
    """Mark the run failed: Airflow ends its tasks, and they stop their jobs. One that is over stays so."""
    path = run_path(access.dag_id_of(slug), run_id)
    run = await airflow.get(path)
    if run["state"] not in run_view.OVER:
        run = await _mark_failed(airflow, path)
    return run_values.StoppingRun(run_id=run_id, state=run["state"])


@router.get(
    "/graphs/{slug}/runs/{run_id}/tasks/{task_id}/log",
    dependencies=[access.ReadsLogs],
    responses=documented(404),
)
async def read_log(
    slug: GraphSlug,
    run_id: RunId,
    task_id: TaskId,
    airflow: AirflowAsUser,
    attempt: Annotated[int | None, Query(ge=1, le=10_000, description="The last one when not given.")] = None,
) -> run_values.LogLines:
    """The last 2000 lines of a task's log."""
    dag_id = access.dag_id_of(slug)
    task = await airflow.get(log_path(dag_id, run_id, task_id, 0).removesuffix("/logs/0"))
    last = task["try_number"]
    if last < 1:
        return run_values.LogLines(lines=[], is_over=False)
    wanted = attempt or last
    found = await airflow.lines(
        log_path(dag_id, run_id, task_id, wanted), {"full_content": "true", "map_index": -1}
    )
    lines = [line for line in found if not line.startswith(FOLDING)]
    return run_values.LogLines(
        lines=lines[-LOG_LINES:], is_over=wanted < last or task["state"] in run_view.TASK_OVER
    )


async def _mark_failed(airflow: AirflowRest, path: str) -> Any:
    """The run, once it stays failed for a moment; as it is then, if it does not.

    Airflow skips what had not begun. On SQLite, which locks no rows, a scheduler that holds the run since
    before can take that for its end, and writes that it succeeded over what we have just written. One that
    is held up for longer than we look still can; its jobs are stopped all the same.
    """
    for _ in range(MARKED_TIMES):
        await airflow.send("PATCH", path, {"state": "failed"})
        await asyncio.sleep(SCHEDULER_SECONDS)
        run = await airflow.get(path)
        if run["state"] == "failed":
            break
    return run


async def _details_of(airflow: AirflowAsUser, dag_id: str, revision: Revision) -> Any:
    """The Dag, once Airflow has read this revision: who has just published means what was published.

    Raises `Refusal` when that takes longer than `READ_SECONDS`.
    """
    give_up_at = time.monotonic() + READ_SECONDS
    while True:
        details = await airflow.find(f"{dag_path(dag_id)}/details")
        # `dag_factory` puts the graph's hash into the Dag's page.
        if details and not details["is_stale"] and revision.sha256 in (details["doc_md"] or ""):
            return details
        if time.monotonic() >= give_up_at:
            raise Refusal(
                409,
                "not_ready",
                f"Airflow has not read revision {revision.number} of {revision.slug!r} yet: ask again in a "
                "moment. If that stays so, look for an import error on Airflow's page of Dags.",
                headers={"retry-after": "5"},
            )
        await asyncio.sleep(POLL_SECONDS)


def _in_force(slug: str) -> Revision:
    store = stores.graph_store()
    if store.draft(slug).published is None:
        raise Refusal(409, "not_published", f"Graph {slug!r} is a draft only: publish it first.")
    return store.revision(slug)


def _part(asked: run_values.NewRun, revision: Revision) -> dict[str, Any]:
    """What of it shall run, for the run's conf. Raises `Refusal` for nodes that are not there."""
    named = {option: getattr(asked, "from_" if option == "from" else option) for option in OPTIONS}
    part: dict[str, Any] = {option: names for option, names in named.items() if names}
    nodes = [node["id"] for node in revision.document["nodes"]]
    edges = [(edge["source"], edge["target"]) for edge in revision.document["edges"]]
    if part:
        try:
            select(nodes, edges, part)
        except errors.SettingsError as error:
            raise _misfit(next(iter(part)), str(error)) from None
    if asked.force_new:
        strangers = [name for name in _names(asked.force_new) if name not in nodes]
        if strangers:
            raise _misfit("force_new", f"names {strangers[0]!r}, which is no node of this graph")
        part["force_new"] = asked.force_new
    if taken := [name for name in asked.params if name in (*OPTIONS, "force_new")]:
        raise _misfit(f"params.{taken[0]}", "is no parameter of a graph: say it beside `params`")
    return part


def _names(force_new: bool | list[str]) -> list[str]:
    return force_new if isinstance(force_new, list) else []


def _misfit(where: str, message: str) -> Refusal:
    return Refusal(422, "invalid", message, [Problem("part", where, message)])
