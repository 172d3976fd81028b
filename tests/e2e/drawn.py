# SPDX-License-Identifier: Apache-2.0
"""Graphs for tests whose every node says who it is and what it was given.

A node writes `<id>.txt` holding `<id>(<what its inputs hold>)`, so the text of a sink spells out the
whole graph that led to it: `d(b(a()),c(a()))` is a diamond that handed everything over.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

IMAGE = "python:3.11"
ENTRYPOINT = "python3 $ALGO"


def algorithm(code: str) -> dict[str, str]:
    return {"code": textwrap.dedent(code), "image": IMAGE, "entrypoint": ENTRYPOINT}


def telling(node_id: str, seconds: float = 0) -> dict[str, str]:
    """The algorithm of a node that tells; it can take its time."""
    return algorithm(
        f"""\
        import os, time
        print("{node_id} begins", flush=True)
        time.sleep({seconds})
        names = sorted(name for name in os.listdir("/data/inputs") if name.endswith(".txt"))
        told = ",".join(open("/data/inputs/" + name).read() for name in names)
        open("/data/outputs/{node_id}.txt", "w").write("{node_id}(" + told + ")")
        """
    )


def graph(
    slug: str,
    nodes: Iterable[str],
    edges: Iterable[str] = (),
    seconds: dict[str, float] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A document from `"a b c"`-like node ids and `"ab"`-like edges (source and target, one letter each)."""
    pace = seconds or {}
    return {
        "slug": slug,
        "nodes": [{"id": n, "data": {"algorithm": telling(n, pace.get(n, 0))}} for n in nodes],
        "edges": [{"source": edge[0], "target": edge[1]} for edge in edges],
        **more,
    }


def told_by(node_id: str, edges: Iterable[str]) -> str:
    """What the node's file holds when everything was handed over."""
    edges = list(edges)
    sources = sorted(edge[0] for edge in edges if edge[1] == node_id)
    return f"{node_id}({','.join(told_by(source, edges) for source in sources)})"


# The original's own examples (chain to two-roots), and the shapes that its scheduler could not finish.
SHAPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "chain": ("abc", ("ab", "bc")),
    "in-tree": ("abcd", ("ac", "bc", "cd")),
    "fan-out": ("abc", ("ab", "ac")),
    "diamond": ("abcd", ("ab", "ac", "bd", "cd")),
    "skip-edge": ("abcd", ("ab", "bc", "ac", "cd")),
    "unit-example": ("abcd", ("ba", "bc", "ac", "dc")),
    "two-roots-two-sinks": ("abcd", ("ac", "bd")),
    "fan-in": ("abcde", ("ae", "be", "ce", "de")),
    "ladder": ("abcdef", ("ab", "ac", "bd", "cd", "de", "df")),
    "zigzag": ("abcd", ("ac", "bc", "bd")),
    "everything-forward": ("abcd", ("ab", "ac", "ad", "bc", "bd", "cd")),
    "two-parts": ("abcd", ("ab", "cd")),
    "single-node": ("a", ()),
    "isolated-nodes": ("abc", ()),
}
