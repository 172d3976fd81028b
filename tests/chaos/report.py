# SPDX-License-Identifier: Apache-2.0
"""What came out of each row, kept over runs of `make chaos`, and the page that is made of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.chaos import cases
from tests.chaos.cases import Row
from tests.chaos.rounds import Verdict

_HEAD = """\
# Faults: what was killed, when, and what came of it

Written by `make chaos`; do not edit. Each row is one run of a graph on a real stack (Airflow, MongoDB,
two local Ocean Nodes) while one part is killed with SIGKILL: at a named point of one of its tasks, or so
many seconds after its start. Up to four rows run at once, so each is also disturbed by what is killed for
the others. `worker` is a task's process and its supervisor, once Airflow knows that the task runs: with
Airflow's LocalExecutor one that dies sooner leaves its task in the queue until the scheduler is started
again, and nobody has a job of it by then (CeleryExecutor: `[scheduler] task_queued_timeout`).

After each round: every run succeeded; outputs' hashes equal those of an undisturbed run; at no instant
were two jobs of one node of a run alive, by the Ocean Nodes' own records; a node has a second job only
where its Ocean Node was killed under the first; no job is nobody's; nothing runs on. Of a row that
ran several times the last is shown.
"""


_PAID_HEADING = "## With paid nodes and asset edges\n"
_PAID_HEAD = f"""\
{_PAID_HEADING}
Written by `make chaos PAID=1`; do not edit. As above, but on a stack with a chain (anvil, Ocean's contracts)
and one Ocean Node, which is paid there: `paid-chain` is a paid node, an edge handed over as an asset (a data
NFT for each run, for each hands over other content), a free node and a paid one; `paid-diamond` hands one
content over to two nodes at once. `of settle_payments` is upkeep's task, after the run. Who is killed
holding the wallet's lease has it 45 s instead of five minutes. The chain itself is not killed: a laptop's
anvil loses its last second then, blocks that were told of among them.

After each round, beside what is said above, and counted on the chain: every paid job has one lock, which
was claimed, if it succeeded, or came back. What an Ocean Node locked before it died, for no job (`money
locked`) or for one that it could not end, comes back when it expires: the chain's clock is set on for that,
and a run that failed for want of it is resumed. Each content is one data NFT, described once; upkeep's runs
left nothing reserved, nothing held in the escrow and nobody who may lock more; each run's budget has lost
what its jobs cost; `deflow ledger reconcile` finds no difference.
"""


class Table:
    """The last verdict about each row, one JSON line each."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: dict[tuple[int, str], dict[str, Any]] = {}
        if path.exists():
            for line in path.read_text().splitlines():
                self._take(json.loads(line))

    def add(self, verdict: Verdict) -> None:
        document = verdict.to_document()
        self._take(document)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(document) + "\n")

    def is_good(self, row: Row) -> bool:
        found = self._rows.get((row.seed, row.case))
        return found is not None and not found["problems"]

    def write(self, page: Path, *, paid: bool) -> None:
        """Its part of docs/faults.md; the other one stays as it is."""
        free, _, money = page.read_text().partition(_PAID_HEADING) if page.exists() else ("", "", "")
        if paid:
            page.write_text(f"{free.rstrip()}\n\n{self._paid_part()}")
        else:
            page.write_text(self._free_part() + (f"\n{_PAID_HEADING}{money}" if money else ""))

    def _paid_part(self) -> str:
        rows = [self._rows[key] for key in sorted(self._rows)]
        good = sum(not row["problems"] for row in rows)
        named = sum(bool(row["row"]["point"]) for row in rows)
        all_named = sum(len(together) for together in cases.paid_named(1))
        jobs, locks = (sum(row[of] for row in rows) for of in ("jobs", "locks"))
        seeds = ", ".join(sorted({str(row["row"]["seed"]) for row in rows}))
        figures = (
            f"\n**{len(rows)} rows ran, {good} with nothing lost and nothing paid twice**: {named} of the "
            f"{all_named} at named points, {len(rows) - named} at random; seed {seeds}; {jobs} jobs, {locks} "
            "locks.\n`make chaos PAID=1 SEED=… CASE=…` repeats the round of a row.\n\n"
            "| case | seed | graph | killed | when | jobs | locks | tries more | seconds | |\n"
            "|---|--:|---|---|---|--:|--:|--:|--:|---|\n"
        )
        return _PAID_HEAD + figures + "".join(map(_paid_line, rows))

    def _free_part(self) -> str:
        rows = [self._rows[key] for key in sorted(self._rows)]
        good = sum(not row["problems"] for row in rows)
        named = sum(bool(row["row"]["point"]) for row in rows)
        all_named = sum(len(together) for together in cases.named(1))
        seeds = ", ".join(sorted({str(row["row"]["seed"]) for row in rows}))
        figures = (
            f"\n**{len(rows)} rows ran, {good} with nothing lost**: {named} of the {all_named} at named "
            f"points, {len(rows) - named} at random; seed {seeds}.\n"
            "`make chaos SEED=… CASE=…` repeats the round of a row.\n\n"
            "| case | seed | graph | killed | when | jobs | tries more | seconds | |\n"
            "|---|--:|---|---|---|--:|--:|--:|---|\n"
        )
        return _HEAD + figures + "".join(map(_line, rows))

    def _take(self, document: dict[str, Any]) -> None:
        self._rows[document["row"]["seed"], document["row"]["case"]] = document


def _paid_line(kept: dict[str, Any]) -> str:
    row = Row(**kept["row"])
    how = "; ".join(kept["problems"]) or "nothing lost"
    cells = (
        row.case,
        row.seed,
        row.shape,
        row.victim,
        row.moment,
        kept["jobs"],
        kept["locks"],
        kept["tries"],
    )
    return "| " + " | ".join(map(str, cells)) + f" | {kept['seconds']:.0f} | {how} |\n"


def _line(kept: dict[str, Any]) -> str:
    row = Row(**kept["row"])
    how = "; ".join(kept["problems"]) or "nothing lost"
    cells = (row.case, row.seed, row.shape, row.victim, row.moment, kept["jobs"], kept["tries"])
    return "| " + " | ".join(map(str, cells)) + f" | {kept['seconds']:.0f} | {how} |\n"
