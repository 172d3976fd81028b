# SPDX-License-Identifier: Apache-2.0
"""What the quote of a graph of 50 paid nodes takes: asked for the graph, beside node by node.

A real Ocean Node allows 30 requests a minute, so their number decides there, and not the seconds here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from tests.benchmarks.paying import paying
from tests.operators import paid

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs.graph import Graph

NODES = 50


def rows() -> Mapping[str, tuple[float, int]]:
    """Seconds and requests of each way."""
    with paying() as wallet:
        found = {}
        for how, seconds in (("alike", lambda _: 60), ("different", lambda number: 60 + number)):
            graph = _graph(seconds)
            found[f"{NODES} {how}"] = _measured(wallet, lambda graph=graph: _together(graph))
            found[f"{NODES} {how}, node by node"] = _measured(wallet, lambda graph=graph: _apart(graph))
        return found


def _measured(wallet: paid.Paid, quote: Callable[[], None]) -> tuple[float, int]:
    asked, began = len(wallet.between.passed), time.monotonic()
    quote()
    return time.monotonic() - began, len(wallet.between.passed) - asked


def _graph(seconds: Callable[[int], int]) -> Graph:
    from airflow_provider_deflow.graphs.graph import Graph

    nodes = [
        {
            "id": f"n{number}",
            "data": {
                "algorithm": {"code": "pass", "image": "python:3.11", "entrypoint": "python3 $ALGO"},
                "payment": {"mode": "paid"},
                "max_duration_seconds": seconds(number),
            },
        }
        for number in range(NODES)
    ]
    return Graph.from_document({"slug": "bench", "nodes": nodes, "budget": {"per_run": "1000"}})


def _together(graph: Graph) -> None:
    from airflow_provider_deflow.cli.quote import quote_of

    quote_of(graph)


def _apart(graph: Graph) -> None:
    from airflow_provider_deflow.operators.quoting import Quotes

    for node in graph.nodes:
        Quotes(None, lambda _: None).of(node.data, graph.defaults, "cheapest")
