# SPDX-License-Identifier: Apache-2.0
"""Prints both benchmarks as tables."""

from __future__ import annotations

import logging
import warnings

from rich.console import Console
from rich.table import Table


def main() -> None:
    warnings.simplefilter("ignore")  # dag-factory's imports are deprecated ones
    logging.disable(logging.WARNING)
    from tests.benchmarks import build, overhead

    console = Console(width=110)
    rows = build.rows()
    table = Table(title="Build per task, microseconds (best of 5); limit: plain loop, peer: dag-factory")
    for column in rows[0]:
        table.add_column(column, justify="right")
    table.add_column("build_dag / plain", justify="right")
    table.add_column("dag-factory / from JSON", justify="right")
    for row in rows:
        values = [f"{row['tasks']:.0f}", *(f"{value:.0f}" for name, value in row.items() if name != "tasks")]
        ratios = row["build_dag"] / row["plain loop"], row["dag-factory"] / row["from stored JSON"]
        table.add_row(*values, *(f"{ratio:.2f}" for ratio in ratios))
    console.print(table)

    seconds = overhead.measure()
    table = Table(title=f"Overhead per zero-second node, seconds (chain of {overhead.NODES}, median of {overhead.RUNS})")
    for name in seconds:
        table.add_column(name, justify="right")
    table.add_row(*(f"{value:.2f}" for value in seconds.values()))
    console.print(table)


main()
