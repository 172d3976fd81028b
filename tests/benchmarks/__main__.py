# SPDX-License-Identifier: Apache-2.0
"""Prints all benchmarks as tables."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from tests.benchmarks import paid_starts


def main() -> None:
    warnings.simplefilter("ignore")  # dag-factory's imports are deprecated ones
    logging.disable(logging.WARNING)
    from tests.benchmarks import build, outputs, overhead, paid_starts, publish, quote, validate

    console = Console(width=120)
    rows = build.rows()
    table = Table(title="Build per task, microseconds (best of 5); limit: plain loop, peer: dag-factory")
    for column in (*rows[0], "build_dag / plain", "dag-factory / from JSON"):
        table.add_column(column, justify="right")
    for row in rows:
        ratios = row["build_dag"] / row["plain loop"], row["dag-factory"] / row["from stored JSON"]
        table.add_row(*(f"{value:.0f}" for value in row.values()), *(f"{ratio:.2f}" for ratio in ratios))
    console.print(table)
    console.print(_one_row("Seconds of `deflow graphs validate` (best of 5)", validate.seconds()))
    console.print(_publishing(publish.rows()))
    console.print(_paid_starts(paid_starts.rows()))
    console.print(_quoting(quote.rows()))
    title = f"Seconds to fetch, check and keep {outputs.GIGABYTES} GB of outputs, and the memory it takes"
    console.print(_one_row(title, outputs.measure()))
    title = f"Overhead per zero-second node, seconds (chain of {overhead.NODES}, median of {overhead.RUNS})"
    console.print(_one_row(title, overhead.measure()))


def _publishing(rows: Mapping[str, tuple[int, int, float]]) -> Table:
    table = Table(title="An asset with a dispenser on the chain (best of 5)")
    for name in ("", "transactions", "gas", "seconds"):
        table.add_column(name, justify="right")
    for name, (transactions, gas, seconds) in rows.items():
        table.add_row(name, str(transactions), f"{gas:,}", f"{seconds:.2f}")
    return table


def _paid_starts(rows: Mapping[str, paid_starts.Row]) -> Table:
    table = Table(title="Paid starts of one wallet at one Ocean Node")
    for name in ("", "starts", "seconds", "seconds a start", "transactions a start", "requests a start"):
        table.add_column(name, justify="right")
    for name, row in rows.items():
        counts = (
            "" if count is None else f"{count / row.starts:.2f}" for count in (row.transactions, row.requests)
        )
        table.add_row(name, str(row.starts), f"{row.seconds:.1f}", f"{row.seconds / row.starts:.3f}", *counts)
    return table


def _quoting(rows: Mapping[str, tuple[float, int]]) -> Table:
    table = Table(title="The quote of a graph of paid nodes")
    for name in ("nodes", "seconds", "requests"):
        table.add_column(name, justify="right")
    for name, (seconds, requests) in rows.items():
        table.add_row(name, f"{seconds:.2f}", str(requests))
    return table


def _one_row(title: str, values: Mapping[str, float]) -> Table:
    table = Table(title=title)
    for name in values:
        table.add_column(name, justify="right")
    table.add_row(*(f"{value:.2f}" for value in values.values()))
    return table


main()
