# SPDX-License-Identifier: Apache-2.0
"""A run as the canvas shows it, put together from Airflow's replies, the ledger and the graph store."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from airflow_provider_deflow import errors
from airflow_provider_deflow.api import access, costs, run_values, stores
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ledger import history
from airflow_provider_deflow.ledger.entry import Run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from airflow_provider_deflow.graphs.store import Published

    Reply = Mapping[str, Any]

OVER = frozenset({"success", "failed"})
TASK_OVER = frozenset({"success", "failed", "skipped", "upstream_failed", "removed"})
RESULTS = "results"
ARCHIVE_NAME = "results.tar"
MANIFEST_NAME = "manifest.json"

# Whose turn it is, and what they can do.
HINTS = {
    "drawing": "Change the drawing, publish it, and run from here.",
    "settings": "Who manages this Airflow has to put a setting or connection right; then run from here.",
    "ocean_node": "The Ocean Node refused or failed: run from here again, or choose another Ocean Node.",
    "algorithm": "The algorithm failed: read its log, mend the code, publish it, and run from here.",
    "chain": "The chain did not take it: look at the message, then run from here again.",
    "deflow": "This is a bug of DeFlow: please report it with the log.",
}


def line_of(run: Reply, published: Sequence[Published]) -> run_values.RunListed:
    """A run in a list."""
    return run_values.RunListed(
        run_id=run["dag_run_id"],
        state=run["state"],
        revision=_revision(run, published),
        started_at=run["start_date"],
        ended_at=run["end_date"],
        run_after=run["run_after"],
        triggered_by=run["triggering_user_name"] or run["triggered_by"] or run["run_type"],
    )


def of_run(slug: str, run: Reply, tasks: Iterable[Reply]) -> run_values.RunView:
    """Raises `GraphNotFound` when the graph is not in the store."""
    store = stores.graph_store()
    told = told_by_ledger(slug, run["dag_run_id"])
    number = (told or {}).get("revision") or _revision(run, store.history(slug))
    document = store.revision(slug, number).document
    by_id = {task["task_id"]: task for task in tasks if task["map_index"] < 0}
    nodes = {about["task_id"]: about for about in (told or {}).get("nodes", ())}
    edges = {about["task_id"]: about for about in (told or {}).get("edges", ())}
    paid = stores.reservations().of_run(Run(run["dag_id"], run["dag_run_id"]))
    cost, sent = costs.by_task(paid), costs.transactions_by_task(paid)
    pairs = [f"{edge['source']}__{edge['target']}" for edge in document["edges"]]
    return run_values.RunView(
        run_id=run["dag_run_id"],
        state=run["state"],
        revision=number,
        started_at=run["start_date"],
        ended_at=run["end_date"],
        document=document,
        nodes={
            node["id"]: _node(
                by_id.get(node["id"]), nodes.get(node["id"]), cost.get(node["id"]), sent.get(node["id"], [])
            )
            for node in document["nodes"]
        },
        edges={pair: _edge(by_id.get(pair), edges.get(pair)) for pair in pairs},
        results=_results(by_id.get(RESULTS), (told or {}).get("results")),
    )


def told_by_ledger(slug: str, run_id: str) -> dict[str, Any] | None:
    """What the ledger knows of a run; None when it knows nothing, not yet or no longer."""
    ledger = stores.ledger()
    try:
        record = ledger.run(run_id, slug)
    except errors.RunNotFound:
        return None
    if record["dag_id"] != access.dag_id_of(slug):
        return None
    return history.of_run(record, ledger.entries([record["_id"]]))


def kept_files(told: Reply | None) -> list[run_values.KeptFile]:
    """All files that a run left in the storage: outputs of its nodes, and its result."""
    if told is None:
        return []
    of_nodes = [file for about in told["nodes"] for file in _outputs(about)]
    return [*of_nodes, *_result_files(told["results"])]


def _node(
    task: Reply | None, about: Reply | None, cost: str | None, sent: list[run_values.TransactionView]
) -> run_values.NodeRun:
    jobs = about["jobs"] if about else []
    job = jobs[-1] if jobs else {}
    reused = about["reused_from"] if about else None
    why = _why(task, about)
    return run_values.NodeRun(
        **_progress(task),
        outcome="reused" if reused else job.get("outcome"),
        job_id=reused["job_id"] if reused else job.get("job_id"),
        ocean_node=host_of(job.get("ocean_node")),
        message=why.get("message"),
        hint=HINTS.get(str(why.get("fault"))),
        cost=cost,
        transactions=sent,
        outputs=_outputs(about) if about else [],
    )


def _edge(task: Reply | None, about: Reply | None) -> run_values.EdgeRun:
    about = about or {}
    return run_values.EdgeRun(
        **_progress(task),
        mode=about.get("mode"),
        files=about.get("count"),
        size=about.get("bytes"),
        message=_why(task, about).get("message"),
    )


def _results(task: Reply | None, about: Reply | None) -> run_values.ResultsRun:
    return run_values.ResultsRun(state=task["state"] if task else None, files=_result_files(about))


def _result_files(about: Reply | None) -> list[run_values.KeptFile]:
    if about is None or "archive" not in about:
        return []
    manifest = about["manifest"]
    return [
        run_values.KeptFile(name=ARCHIVE_NAME, size=about["bytes"], sha256=about["archive"]),
        run_values.KeptFile(name=MANIFEST_NAME, size=_size(manifest), sha256=manifest),
    ]


def _progress(task: Reply | None) -> dict[str, Any]:
    if task is None:
        return {"state": None, "attempt": 0, "started_at": None, "elapsed_seconds": None}
    started, ended = _moment(task["start_date"]), _moment(task["end_date"])
    elapsed = ((ended or datetime.now(UTC)) - started).total_seconds() if started else None
    return {
        "state": task["state"],
        "attempt": task["try_number"],
        "started_at": started,
        "elapsed_seconds": None if elapsed is None else round(max(elapsed, 0.0), 3),
    }


def _why(task: Reply | None, about: Reply | None) -> Reply:
    """Why the newest try failed; nothing of a task that goes on, or has succeeded since."""
    if task is None or not about or task["state"] not in ("failed", "up_for_retry", "upstream_failed"):
        return {}
    why: Reply = about["tries"][-1].get("why") or {}
    return why


def _outputs(about: Reply) -> list[run_values.KeptFile]:
    """As the ledger has them; of a reused node, or of more than an entry holds, as the storage does."""
    told: Reply = about["reused_from"] or about["outputs"] or {}
    files: Any = told.get("files")
    if told and not (isinstance(files, list) and len(files) == told["count"]):
        try:
            listed = content_store().outputs(told["sha256"]).files
        except errors.OutputError:
            return []
        files = [(file.name, file.size, file.sha256) for file in listed]
    return [run_values.KeptFile(name=name, size=size, sha256=sha256) for name, size, sha256 in files or ()]


def host_of(url: str | None) -> str | None:
    """Scheme, host and port: a login or a path is nobody's business."""
    if not url:
        return None
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _size(sha256: str) -> int:
    try:
        return content_store().size(sha256)
    except errors.MissingOutput:
        return 0


def _revision(run: Reply, published: Sequence[Published]) -> int | None:
    """The revision in force at the store's change that the run's bundle stood at."""
    version = str(run["bundle_version"] or "")
    if not version.isdigit():
        return None
    return next((each.number for each in published if each.change <= int(version)), None)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
