# SPDX-License-Identifier: Apache-2.0
"""The last and the next run of many graphs at once: a few requests to Airflow, however many graphs there are.

Airflow gives the newest runs of several Dags in one list, not the newest of each. So a Dag that runs every
minute can fill a reply: the others are asked for again without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.api import access, values
from airflow_provider_deflow.api.airflow_rest import PAGE_SIZE, AirflowRest, dag_path
from airflow_provider_deflow.api.faults import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from datetime import datetime

    Reply = dict[str, Any]

# Then each Dag that is left is asked for by itself.
MOST_LISTS = 5


async def of_graphs(
    airflow: AirflowRest, slugs: Iterable[str]
) -> tuple[dict[str, values.LastRun], dict[str, datetime]]:
    """By slug: the newest run that has begun, else one that waits; and when the schedule starts the next."""
    by_id = {access.dag_id_of(slug): slug for slug in slugs}
    last = await _unless_forbidden(_newest, airflow, list(by_id))
    following = await _unless_forbidden(_next, airflow, list(by_id))
    return (
        {by_id[dag_id]: _shown(runs) for dag_id, runs in last.items()},
        {by_id[dag_id]: at for dag_id, at in following.items()},
    )


async def _unless_forbidden(
    ask: Callable[[AirflowRest, list[str]], Coroutine[Any, Any, dict[str, Any]]],
    airflow: AirflowRest,
    dag_ids: list[str],
) -> dict[str, Any]:
    """Nothing for who may not look: the list is of use without."""
    try:
        return await ask(airflow, dag_ids) if dag_ids else {}
    except Refusal as refusal:
        if refusal.status == 403:
            return {}
        raise


async def _newest(airflow: AirflowRest, dag_ids: list[str]) -> dict[str, list[Reply]]:
    """The newest runs of each Dag that has any, newest first."""
    found: dict[str, list[Reply]] = {}
    waiting = set(dag_ids)
    for _ in range(MOST_LISTS):
        asked = {"dag_ids": sorted(waiting), "order_by": "-run_after", "page_limit": PAGE_SIZE}
        runs = (await airflow.send("POST", "/dags/~/dagRuns/list", asked))["dag_runs"]
        for run in runs:
            found.setdefault(run["dag_id"], []).append(run)
        waiting -= found.keys()
        if not waiting or len(runs) < PAGE_SIZE:
            return found
    for dag_id in sorted(waiting):
        page = await airflow.get(f"{dag_path(dag_id)}/dagRuns", {"limit": 5, "order_by": "-run_after"})
        if page["dag_runs"]:
            found[dag_id] = page["dag_runs"]
    return found


async def _next(airflow: AirflowRest, dag_ids: list[str]) -> dict[str, datetime]:
    """When Airflow starts the next run of each Dag that is not paused and has a schedule."""
    found: dict[str, Reply] = {}
    for start in range(0, len(dag_ids), PAGE_SIZE):
        some = dag_ids[start : start + PAGE_SIZE]
        # A pattern finds whatever holds it: `deflow_a` is in `deflow_ab` too.
        asked: dict[str, Any] = {"dag_id_pattern": "|".join(some), "limit": PAGE_SIZE, "offset": 0}
        while not found.keys() >= set(some):
            dags = (await airflow.get("/dags", asked))["dags"]
            found |= {dag["dag_id"]: dag for dag in dags}
            asked["offset"] += len(dags)
            if len(dags) < PAGE_SIZE:
                break
    return {
        dag_id: found[dag_id]["next_dagrun_run_after"]
        for dag_id in dag_ids
        if dag_id in found and not found[dag_id]["is_paused"] and found[dag_id]["next_dagrun_run_after"]
    }


def _shown(newest_first: list[Reply]) -> values.LastRun:
    run = next((one for one in newest_first if one["start_date"]), newest_first[0])
    return values.LastRun(
        run_id=run["dag_run_id"],
        state=run["state"],
        started_at=run["start_date"],
        ended_at=run["end_date"],
        run_after=run["run_after"],
    )
