# SPDX-License-Identifier: Apache-2.0
"""A run of the ledger as text: a table of all tries, then each node's jobs, troubles and outputs.

Words of Ocean Nodes and algorithms are shown without control characters: a terminal obeys those.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from airflow_provider_deflow.graphs.selection import in_words

Document = dict[str, Any]

SECOND = "%Y-%m-%d %H:%M:%S"
CLOCK = "%H:%M:%S"
# As far as a person reads; --json has the rest.
LOG_LINES = 15
FILES = 20


def listing(runs: Sequence[Document]) -> str:
    """One line per run."""
    if not runs:
        return "no runs yet"
    rows = [("GRAPH", "REVISION", "STATE", "BEGAN (UTC)", "LAST NEWS (UTC)", "RUN")]
    for run in runs:
        revision = "-" if run["revision"] is None else str(run["revision"])
        times = (_time(run["first_at"], SECOND), _time(run["last_at"], SECOND))
        rows.append((run["graph"], revision, run["state"], *times, run["run_id"]))
    return "\n".join(_table(rows))


def account(run: Document) -> str:
    """All that a person wants to know of one run."""
    revision = "" if run["revision"] is None else f", revision {run['revision']}"
    lines = [
        f"{run['graph']}{revision}: {run['state']}",
        f"run {run['run_id']} of Dag {run['dag_id']}",
        f"{_time(run['first_at'], SECOND)} to {_time(run['last_at'], SECOND)} UTC",
        *([f"asked for {in_words(run['asked'])}"] if run["asked"] else []),
        "",
        *_table(_tries(run)),
    ]
    for node in run["nodes"]:
        lines += ["", node["task_id"], *(f"  {line}" for line in _node(node))]
    for edge in run["edges"]:
        lines += ["", edge["task_id"], *(f"  {line}" for line in _edge(edge))]
    for asset in run["assets"]:
        lines += ["", asset["task_id"], *(f"  {line}" for line in _asset(asset))]
    if results := run["results"]:
        lines += ["", results["task_id"], *(f"  {line}" for line in _why(results))]
        if "archive" in results:
            size = f"{results['count']} file(s), {results['bytes']} bytes"
            lines.append(f"  archive {results['archive']} in DeFlow's storage, {size}")
    return "\n".join(map(_plain, lines))


def reasons(explanation: Document) -> str:
    """What became of a node, and why, a line each."""
    of_try = f", try {explanation['try']}" if explanation["try"] else ""
    lines = [f"{explanation['node']} {explanation['did']} (run {explanation['run_id']}{of_try})"]
    for why in explanation["why"]:
        first, *more = why.split("\n")
        lines += [f"  {first}", *(f"    {line}" for line in more)]
    return "\n".join(map(_plain, lines))


def _tries(run: Document) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("TASK", "TRY", "BEGAN", "TOOK", "STATE", "WHY")]
    for task in [*run["nodes"], *run["edges"], *run["assets"], *([run["results"]] if run["results"] else [])]:
        name = task["task_id"] + (f"[{task['map_index']}]" if "map_index" in task else "")
        for one in task["tries"]:
            began = _time(one["began"], CLOCK) if one["began"] else ""
            why = one.get("why", {}).get("error") or one.get("told_to_end", {}).get("why", "")
            rows.append((name, str(one["try"]), began, _took(one["began"], one["ended"]), one["state"], why))
            name = ""
    return rows


def _node(node: Document) -> Iterator[str]:
    for job in node["jobs"]:
        yield f"job {job['job_id']}" + (f" on {job['ocean_node']}" if "ocean_node" in job else "")
        if "environment" in job:
            yield f"  generation {job['generation']}, environment {job['environment']}"
        for taken in job["taken"]:
            yield f"  {_time(taken['at'], CLOCK)}  try {taken['try']}: {taken['how']}"
        for state in job["states"]:
            yield f"  {_time(state['at'], CLOCK)}  {state['text']} ({state['status']})"
        if "because" in job:
            yield f"  {_time(job['finished'], CLOCK) if job['finished'] else '        '}  {job['because']}"
        if job.get("outcome") in ("failed", "stopped"):
            for name, lines in job["logs"].items():
                yield f"  the end of its {name}:"
                yield from (f"  | {line}" for line in lines[-LOG_LINES:])
    yield from _troubles(node)
    yield from _why(node)
    if outputs := node["outputs"]:
        yield f"outputs {outputs['sha256']} in DeFlow's storage, {outputs['bytes']} bytes:"
        yield from _files(outputs)
    if kept := node["reused_from"]:
        yield f"its last try took the outputs that run {kept['run_id']} kept, of job {kept['job_id']}"


def _edge(edge: Document) -> Iterator[str]:
    if "mode" in edge:
        where = f"bucket {edge['bucket_id']} of {edge['ocean_node']}" if edge["bucket_id"] else edge["mode"]
        size = f"{edge['count']} file(s), {edge['bytes']} bytes, in {edge['seconds']:.1f} s"
        yield f"{edge['source']} to {edge['target']} by {where}: {size}"
    if "did" in edge:
        yield f"asset {edge['did']}, data NFT {edge['data_nft']}"
    yield from _sent(edge)
    yield from _troubles(edge)
    yield from _why(edge)


def _asset(asset: Document) -> Iterator[str]:
    if "did" in asset:
        yield f"{asset['role']} {asset['did']} on {asset['ocean_node']}"
        yield f"data NFT {asset['data_nft']}, datatoken {asset['datatoken']}, of {asset['owner']}"
        yield f"described last by transaction {asset['metadata_transaction']}"
        for name, sha256 in asset["files"][:FILES]:
            yield f"  {sha256}  {name}"
    yield from _sent(asset)
    yield from _why(asset)


def _sent(task: Document) -> Iterator[str]:
    for one in task["transactions"]:
        gas = f"{one['gas_used']} gas, {one['gas_wei']} wei"
        yield f"{_time(one['at'], CLOCK)}  {one['what']}: transaction {one['hash']}, {gas}"


def _troubles(task: Document) -> Iterator[str]:
    """The requests that were not answered well, and all stops."""
    for request in task["requests"]:
        if request["answer"] != "ok" or request["request"] == "stop a job":
            said = f": {request['words']}" if request["words"] else ""
            yield f"{_time(request['at'], CLOCK)}  {request['request']}: {request['answer']}{said}"


def _why(task: Document) -> Iterator[str]:
    for one in task["tries"]:
        if why := one.get("why"):
            whose = f" ({why['fault']})" if why["fault"] else ""
            first, *more = why["message"].split("\n")
            yield f"try {one['try']} {one['state']}: {why['error']}{whose}: {first}"
            yield from more


def _files(outputs: Document) -> Iterator[str]:
    for name, size, sha256 in outputs["files"][:FILES]:
        yield f"  {sha256}  {size:>12}  {name}"
    if outputs["count"] > FILES:
        yield f"  and {outputs['count'] - FILES} more"


def _table(rows: Iterable[Sequence[str]]) -> list[str]:
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]


def _time(moment: str, form: str) -> str:
    return datetime.fromisoformat(moment).strftime(form)


def _took(began: str | None, ended: str | None) -> str:
    if not (began and ended):
        return ""
    return f"{(datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds():.1f} s"


def _plain(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text)
