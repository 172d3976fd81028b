# SPDX-License-Identifier: Apache-2.0
"""The graphs that are disturbed. Each is published once; how long a node takes comes with the run.

What a node writes depends on its place in the graph alone, so every run of a graph must end with the
same hashes. Nodes alternate between two Ocean Nodes, so most edges cross from one to the other.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from typing import Any

from tests.e2e import drawn

SECOND_OCEAN_NODE = "ocean_node_2"
# More than the sockets between two processes hold: what is not read yet dies with the Ocean Node.
BULK_BYTES = 24 << 20

SHAPES: dict[str, tuple[str, tuple[str, ...]]] = {
    "single-node": drawn.SHAPES["single-node"],
    "chain": drawn.SHAPES["chain"],
    "fan-out": drawn.SHAPES["fan-out"],
    "diamond": drawn.SHAPES["diamond"],
    "two-parts": drawn.SHAPES["two-parts"],
    "bulky": ("ab", ("ab",)),
}

_CODE = """\
import json, os, random, time
time.sleep(json.loads(os.environ["PACE"]).get("{node}", 0))
names = sorted(name for name in os.listdir("/data/inputs") if name.endswith(".txt"))
told = ",".join(open("/data/inputs/" + name).read() for name in names)
open("/data/outputs/{node}.txt", "w").write("{shape}.{node}(" + told + ")")
"""
_BULK = 'open("/data/outputs/bulk", "wb").write(random.Random(1).randbytes({bytes}))\n'


def dag_id(shape: str) -> str:
    return f"deflow_chaos-{shape}"


def document(shape: str) -> dict[str, Any]:
    nodes, edges = SHAPES[shape]
    return {
        "slug": f"chaos-{shape}",
        "params": {"pace": {"default": "{}", "schema": {"type": "string"}}},
        # Every kill may cost a try, and a round has several.
        "defaults": {"retries": 12},
        "nodes": [{"id": node, "data": _data(shape, node)} for node in nodes],
        "edges": [{"source": a, "target": b, "data": {"files": ["*.txt"]}} for a, b in edges],
    }


def conf(pace: Mapping[str, float]) -> dict[str, Any]:
    return {"pace": json.dumps(pace)}


def ocean_node_of(task_id: str) -> str:
    """The part that a task talks to: an edge to its consumer's, the last one to the first's."""
    node = task_id.split("__")[-1]
    return "ocean-node-2" if node in ("b", "d") else "ocean-node"


def _data(shape: str, node: str) -> dict[str, Any]:
    code = textwrap.dedent(_CODE).format(shape=shape, node=node)
    if (shape, node) == ("bulky", "a"):
        code += _BULK.format(bytes=BULK_BYTES)
    data: dict[str, Any] = {
        "algorithm": drawn.algorithm(code),
        "environment_variables": {"PACE": "{{ params.pace }}"},
    }
    if node == "c":
        data["queue"] = "heavy"  # another worker's on a cluster
    if ocean_node_of(node) == "ocean-node-2":
        data["ocean_node"] = SECOND_OCEAN_NODE
    return data
