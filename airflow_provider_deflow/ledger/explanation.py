# SPDX-License-Identifier: Apache-2.0
"""Why a node ran in a run, was reused or was skipped, from what the ledger has of it.

It is the last try that is explained. Its work (all that decides what a job computes) is compared with that
of the last time before, in any run of the Dag, that the node had outputs, else of the last time that it was
tried. The first field that differs is why the outputs of then are not those of now. Fields are compared
by hash; no value is known here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airflow_provider_deflow.graphs.selection import in_words
from airflow_provider_deflow.ledger import facts

Document = dict[str, Any]
Entry = Mapping[str, Any]

# What is looked at of earlier runs.
OF_EARLIER = (facts.INPUTS, facts.OUTPUTS, facts.KEPT)


def explained(
    run: Mapping[str, Any],
    entries: Sequence[Entry],
    node_id: str,
    earlier: Iterable[Entry] = (),
    runs: Iterable[Mapping[str, Any]] = (),
) -> Document:
    """What became of a node in a run, as one document; `why` is for people, a sentence each.

    `entries` are all of the run, `earlier` those `OF_EARLIER` of the node in the other `runs`, by time.
    """
    mine = [entry for entry in entries if entry["task_id"] == node_id]
    last = max((entry["try_number"] for entry in mine), default=0)
    found = {entry["kind"]: entry for entry in mine if entry["try_number"] == last}
    what = {kind: entry["what"] for kind, entry in found.items()}
    selection = next((entry["what"] for entry in entries if entry["kind"] == facts.SELECTED), None)
    asked = in_words(selection["asked"]) if selection else ""
    about: Document = {
        "run_id": run["run_id"],
        "node": node_id,
        "try": last or None,
        "asked": asked,
        "did": "",
        "why": [f"the run was asked for {asked}"] if asked else [],
        "job_id": None,
        "outputs_of": None,
        "compared_with": None,
        "first_difference": None,
    }
    if what.get(facts.ENDED, {}).get("how") == "skipped" or (
        selection and not mine and node_id in selection["skipped"]
    ):
        return _with(about, "was skipped", "nothing that was asked for needs it")
    if not mine:
        return _with(about, "has not begun", _not_begun(entries))
    if kept := what.get(facts.KEPT):
        here = kept["run_id"] == run["run_id"]
        whose = "an earlier try of this run" if here else f"run {kept['run_id']}"
        about |= {"job_id": kept["job_id"], "outputs_of": kept["run_id"]}
        why = f"{whose} had outputs of it for the same code and inputs, of job {kept['job_id']}"
        return _with(about, "was reused", why)
    if job := what.get(facts.JOB):
        about["job_id"] = job["job_id"]
        _with(about, "ran", f"{job['how']} job {job['job_id']}: {job['why']}")
    elif error := what.get(facts.ENDED, {}).get("message"):
        _with(about, "failed without a job", error)
    else:
        _with(about, "has begun", "nothing more is known yet")
    if work := found.get(facts.INPUTS):
        _compare(about, work, [*earlier, *mine], {one["_id"]: one for one in [run, *runs]})
    return about


def _with(about: Document, did: str, why: str) -> Document:
    about["did"] = did
    about["why"].append(why)
    return about


def _not_begun(entries: Iterable[Entry]) -> str:
    ends = {entry["task_id"]: entry["what"]["how"] for entry in entries if entry["kind"] == facts.ENDED}
    failed = sorted(task_id for task_id, how in ends.items() if how == "failed")
    began = sorted({entry["task_id"] for entry in entries if entry["what"].get("role") == "node"})
    because = (
        f"what failed is {', '.join(failed)}" if failed else "it waits for others, or is no node of the graph"
    )
    return f"{because}; nodes that began are {', '.join(began) or 'none'}"


def _compare(
    about: Document, work: Entry, entries: Iterable[Entry], runs: Mapping[str, Mapping[str, Any]]
) -> None:
    """Say what is known of the last time before `work`, and what differs."""
    works: dict[tuple[str, int], Entry] = {}
    tried: tuple[str, int] | None = None
    had_outputs: tuple[str, int] | None = None
    for entry in sorted(entries, key=lambda entry: entry["at"]):
        key = (entry["run"], entry["try_number"])
        if entry["at"] >= work["at"] or key == (work["run"], work["try_number"]):
            continue
        if entry["kind"] == facts.INPUTS:
            if key[0] == work["run"] and entry["what"]["sha256"] == work["what"]["sha256"]:
                continue  # the same piece of work, tried again
            works[key], tried = entry, key
        elif entry["kind"] in (facts.OUTPUTS, facts.KEPT) and key in works:
            had_outputs = key
    last = had_outputs or tried
    if last is None:
        about["why"].append("the ledger knows no earlier run with outputs of it")
        return
    then, run = works[last]["what"], runs[last[0]]
    here = run["run_id"] == about["run_id"]
    where = f"try {last[1]} of this run" if here else f"run {run['run_id']}"
    has = "has outputs of it" if had_outputs else "tried it"
    about["compared_with"] = run["run_id"]
    if then["sha256"] != work["what"]["sha256"]:
        about["first_difference"] = _first_difference(then["fields"], work["what"]["fields"])
        about["why"].append(f"{where} {has}; the first field that differs since: {about['first_difference']}")
    elif had_outputs and not here:
        about["why"].append(
            f"{where} {has} for the same code and inputs: a run takes them for nodes that it was not asked "
            "to run, with --from or --only"
        )


def _first_difference(then: Sequence[Sequence[str]], now: Sequence[Sequence[str]]) -> str:
    before, after = {name: value for name, value in then}, {name: value for name, value in now}
    names = [*after, *(name for name in before if name not in after)]
    changed = (name for name in names if before.get(name) != after.get(name))
    return next(changed, f"a field behind the first {len(names)}")
