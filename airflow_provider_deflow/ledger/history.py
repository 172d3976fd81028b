# SPDX-License-Identifier: Apache-2.0
"""All of a run as one document, computed from its entries.

What is not known is not guessed: a try that began and has no end is `lost` when a later one began, and
`running` else. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from airflow_provider_deflow.ledger import facts

Document = dict[str, Any]

FAILED = "failed"
RUNNING = "running"
SUCCEEDED = "succeeded"
AGAIN = "to be tried again"
# Enough to say how a run stands, without the rest.
ENDS = (facts.SELECTED, facts.BEGAN, facts.ENDED, facts.KILLED)


def of_run(run: Mapping[str, Any], entries: Iterable[Mapping[str, Any]]) -> Document:
    """The run with its nodes, edges, assets and results; `entries` by time."""
    by_task: dict[tuple[str, int], list[Mapping[str, Any]]] = {}
    for entry in entries:
        by_task.setdefault((entry["task_id"], entry["map_index"]), []).append(entry)
    nodes, edges, assets, results = [], [], [], None
    selection: Mapping[str, Any] | None = None
    for (task_id, map_index), found in by_task.items():
        selection = selection or _last(found, facts.SELECTED) or None
        tries = _tries(found)
        about: Document = {"task_id": task_id, "state": tries[-1]["state"], "tries": tries}
        if alarms := [
            {"at": _iso(entry["at"]), **entry["what"]} for entry in found if entry["kind"] == facts.ALARM
        ]:
            about["alarms"] = alarms
        if upkeep := [
            {"at": _iso(entry["at"]), **entry["what"]} for entry in found if entry["kind"] == facts.UPKEEP
        ]:
            about["upkeep"] = upkeep
        if map_index >= 0:
            about["map_index"] = map_index
        role = _last(found, facts.BEGAN).get("role")
        if role == "results":
            results = {**about, **_last(found, facts.RESULTS)}
        elif role == "edge":
            brought = {**_last(found, facts.HANDOVER), "requests": _requests(found)}
            edges.append({**about, **brought, "transactions": _transactions(found)})
        elif role == "asset":
            asset = {**_last(found, facts.PUBLISHED), "requests": _requests(found)}
            assets.append({**about, **asset, "transactions": _transactions(found)})
        else:
            nodes.append({**about, **_node(found)})
    first = [entry for found in by_task.values() for entry in found if entry["kind"] == facts.BEGAN]
    return {
        "dag_id": run["dag_id"],
        "run_id": run["run_id"],
        "graph": run.get("graph") or run["dag_id"],
        "revision": run.get("revision"),
        "graph_sha256": next((entry["what"]["graph_sha256"] for entry in reversed(first)), ""),
        "asked": dict(selection["asked"]) if selection else {},
        "state": _state(nodes, [*edges, *assets], results, selection),
        "first_at": _iso(run["first_at"]),
        "last_at": _iso(run["last_at"]),
        "nodes": nodes,
        "edges": edges,
        "assets": assets,
        "results": results,
    }


def _state(
    nodes: Sequence[Document],
    others: Sequence[Document],
    results: Document | None,
    selection: Mapping[str, Any] | None,
) -> str:
    """Only of what the ledger knows: of a task that never began there is nothing here."""
    if FAILED in {task["state"] for task in (*nodes, *others)}:
        return FAILED
    if results is not None and results["state"] != RUNNING:
        return str(results["state"])
    if selection and selection["skipped"]:
        # Its results are never collected: it is over with its nodes.
        done = {node["task_id"] for node in nodes if node["state"] == SUCCEEDED}
        if done.issuperset([*selection["runs"], *selection["reused"]]):
            return SUCCEEDED
    return RUNNING


def _tries(entries: Sequence[Mapping[str, Any]]) -> list[Document]:
    tries: dict[int, Document] = {}
    for entry in entries:
        one = tries.setdefault(
            entry["try_number"], {"try": entry["try_number"], "state": RUNNING, "began": None, "ended": None}
        )
        what = entry["what"]
        if entry["kind"] == facts.BEGAN:
            one |= {"began": _iso(entry["at"]), "revision": what["revision"]}
        elif entry["kind"] == facts.ENDED:
            one |= {"ended": _iso(entry["at"]), "state": what["how"]}
            if what.get("error"):
                one["why"] = {name: what[name] for name in ("error", "fault", "message")}
        elif entry["kind"] == facts.KILLED:
            one["told_to_end"] = {"at": _iso(entry["at"]), "why": what["why"]}
    ordered = [tries[number] for number in sorted(tries)]
    for one in ordered:
        if one["state"] == RUNNING and "told_to_end" in one:
            one["state"] = "stopped"
    for one in ordered[:-1]:
        if one["state"] == RUNNING:
            one["state"] = "lost"
    return ordered


def _node(entries: Sequence[Mapping[str, Any]]) -> Document:
    jobs: dict[str, Document] = {}
    for entry in entries:
        what = dict(entry["what"])
        if entry["kind"] not in (facts.JOB, facts.STATE, facts.OVER, facts.LOG):
            continue
        job = jobs.setdefault(
            what["job_id"], {"job_id": what["job_id"], "taken": [], "states": [], "logs": {}}
        )
        if entry["kind"] == facts.JOB:
            taken = {
                "at": _iso(entry["at"]),
                "try": entry["try_number"],
                "how": what.pop("how"),
                "why": what.pop("why"),
            }
            job["taken"].append(taken)
            job |= what
        elif entry["kind"] == facts.STATE:
            state = {"at": _iso(entry["at"]), "status": what["status"], "text": what["text"]}
            job["states"].append(state)
        elif entry["kind"] == facts.OVER:
            job |= what
        else:
            job["logs"][what["log"]] = what["end"].split("\n")
    had = [entry for entry in entries if entry["kind"] in (facts.OUTPUTS, facts.KEPT)]
    kept = had[-1]["what"] if had and had[-1]["kind"] == facts.KEPT else None
    return {
        "jobs": list(jobs.values()),
        "requests": _requests(entries),
        "outputs": _last(entries, facts.OUTPUTS) or None,
        "reused_from": kept and {name: kept[name] for name in ("run_id", "job_id", "sha256")},
    }


def _requests(entries: Sequence[Mapping[str, Any]]) -> list[Document]:
    return [
        {"at": _iso(entry["at"]), "try": entry["try_number"], **entry["what"]}
        for entry in entries
        if entry["kind"] == facts.REQUEST
    ]


def _transactions(entries: Sequence[Mapping[str, Any]]) -> list[Document]:
    return [
        {"at": _iso(entry["at"]), "try": entry["try_number"], **entry["what"]}
        for entry in entries
        if entry["kind"] == facts.TRANSACTION
    ]


def _last(entries: Sequence[Mapping[str, Any]], kind: str) -> Document:
    return next((dict(entry["what"]) for entry in reversed(entries) if entry["kind"] == kind), {})


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")
