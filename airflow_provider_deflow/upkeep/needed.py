# SPDX-License-Identifier: Apache-2.0
"""Which contents a run or a graph may still ask for.

Found generously: every sha256 that is written in an entry of a run within retention, in any draft or
revision of a graph, or in a document of ours that one of those names, such as the list of a job's outputs,
a handover, the record of a node's inputs. What is named too often stays too long, which does no harm.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from airflow_provider_deflow.ledger.store import LedgerStore
    from airflow_provider_deflow.ocean.clearing import Contents
    from airflow_provider_deflow.upkeep.fate import Airflow

_SHA256 = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
RUNS_AT_ONCE = 200


def needed(
    ledger: LedgerStore, airflow: Airflow, texts: Iterable[str], contents: Contents, since: datetime
) -> set[str] | None:
    """The contents that are needed; None when the ledger is too young to know.

    A ledger that begins after `since` may have been emptied: it cannot say what older runs need. `texts` are
    the graphs' documents. A run without news since then counts while Airflow has not ended it.
    """
    if ledger.began_at() > since:
        return None
    wanted = runs_in_use(ledger, airflow, since)
    found: set[str] = set()
    for text in texts:
        found |= hashes(text)
    for start in range(0, len(wanted), RUNS_AT_ONCE):
        for entry in ledger.entries(wanted[start : start + RUNS_AT_ONCE]):
            found |= hashes(json.dumps(entry["what"], default=str))
    _follow(found, contents)
    for one in contents:
        if one.kind == "notes":
            # A note says what is kept for equal inputs: its record is needed as long as its outputs are.
            named = hashes(_text(one.path))
            if named & found:
                found |= named
    return found


def runs_in_use(ledger: LedgerStore, airflow: Airflow, since: datetime) -> list[str]:
    """The ids of runs with news since then, and of older ones that Airflow has not ended."""
    newer, older = ledger.runs_by_age(since)
    return [str(run["_id"]) for run in (*newer, *_still_open(older, airflow))]


def hashes(text: str) -> set[str]:
    return set(_SHA256.findall(text))


def _still_open(runs: Iterable[dict[str, object]], airflow: Airflow) -> Iterator[dict[str, object]]:
    by_dag: dict[str, list[dict[str, object]]] = {}
    for run in runs:
        by_dag.setdefault(str(run["dag_id"]), []).append(run)
    for dag_id, of_dag in by_dag.items():
        for start in range(0, len(of_dag), RUNS_AT_ONCE):
            some = of_dag[start : start + RUNS_AT_ONCE]
            if airflow.has_open_runs(dag_id, [str(run["run_id"]) for run in some]):
                yield from some


def _follow(found: set[str], contents: Contents) -> None:
    """Add what the documents among `found` name, and what those name."""
    new = set(found)
    while new:
        named: set[str] = set()
        for sha256 in new:
            named |= hashes(contents.document(sha256))
        new = named - found
        found |= new


def _text(path: object) -> str:
    try:
        with path.open("rb") as file:  # type: ignore[attr-defined]
            return str(file.read().decode(errors="replace"))
    except FileNotFoundError:
        return ""
