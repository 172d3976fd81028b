# SPDX-License-Identifier: Apache-2.0
"""`make chaos`: runs the schedules of a seed, prints a line for each, and writes the table of all."""

from __future__ import annotations

import logging
import tempfile
import time
from contextlib import AbstractContextManager
from pathlib import Path

import click

from tests.chaos import cases, deployment, report, shapes
from tests.chaos.rounds import Chaos

ROOT = Path(__file__).parents[2]
KEPT = ROOT / ".chaos"


@click.command()
@click.option("--seed", default=1, show_default=True, help="Decides every schedule.")
@click.option("--count", default=200, show_default=True, help="How many random schedules.")
@click.option("--case", default="", help="Only the rounds with these rows: named-004,random-017.")
@click.option("--only", default="", help="Only rows whose case begins so: named, random, random-00.")
@click.option("--missing", is_flag=True, help="Only rounds that have not come out well yet.")
@click.option("--minutes", default=0.0, help="Begin no further round after this time.")
@click.option("--home", type=click.Path(path_type=Path), help="A folder to keep; default: a temporary one.")
@click.option("--cluster", is_flag=True, help="On the topology of `make cluster` instead of the laptop's.")
@click.option("--paid", is_flag=True, help="The schedules of what costs money, on a stack with a chain.")
@click.option("--write-docs", is_flag=True, help="Write docs/faults.md from all rows that ever ran here.")
def main(
    seed: int,
    count: int,
    case: str,
    only: str,
    missing: bool,
    minutes: float,
    home: Path | None,
    cluster: bool,
    paid: bool,
    write_docs: bool,
) -> None:
    """Exit code 1 when a row came out badly."""
    logging.getLogger("urllib3").setLevel(logging.ERROR)  # refused connections are what this is about
    table = report.Table(KEPT / ("paid-rows.jsonl" if paid else "rows.jsonl"))
    if paid:
        rounds = [*cases.paid_named(seed), *cases.paid_at_random(seed, count)]
    else:
        rounds = [*cases.named(seed), *cases.drawn_at_random(seed, count)]
    if case:
        rounds = cases.chosen(rounds, case.split(","))
    rounds = [rows for rows in rounds if any(row.case.startswith(only) for row in rows)]
    if missing:
        rounds = [rows for rows in rounds if not all(table.is_good(row) for row in rows)]
    bad = 0
    if rounds:
        with tempfile.TemporaryDirectory(prefix="deflow-chaos-") as temporary:
            until = time.monotonic() + 60 * minutes if minutes else None
            starting = deployment.running(
                home or Path(temporary),
                click.echo,
                as_cluster=cluster,
                with_chain=paid,
                only=tuple(shapes.PAID if paid else shapes.SHAPES),
            )
            bad = _run(rounds, table, starting, until)
    if write_docs:
        table.write(ROOT / "docs" / "faults.md", paid=paid)
    raise SystemExit(bad > 0)


def _run(
    rounds: list[list[cases.Row]],
    table: report.Table,
    starting: AbstractContextManager[deployment.Deployment],
    until: float | None,
) -> int:
    bad = 0
    with starting as up:
        chaos = Chaos(up, KEPT / "evidence")
        for problem in chaos.run_undisturbed():
            raise click.ClickException(f"undisturbed, already: {problem}")
        for rows in rounds:
            if until is not None and time.monotonic() > until:
                break
            for verdict in chaos.round(rows):
                click.echo(verdict.line())
                table.add(verdict)
                bad += bool(verdict.problems)
    return bad


main()
