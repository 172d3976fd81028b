# SPDX-License-Identifier: Apache-2.0
"""The graphs that are disturbed. Each is published once; how long a node takes comes with the run.

What a node writes depends on its place in the graph alone, so every run of a graph must end with the
same hashes. Nodes alternate between two Ocean Nodes, so most edges cross from one to the other.

Those that cost money run on the Ocean Node that has a chain. An asset is made once for its content, so what
their nodes write tells the run too: what must be equal is all the rest.
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

PAID: dict[str, tuple[str, tuple[str, ...]]] = {
    "paid-chain": ("abc", ("ab", "bc")),
    # Both edges from `a` hand the same content over at once: it is one asset.
    "paid-diamond": ("abcd", ("ab", "ac", "bd", "cd")),
}
ALL = SHAPES | PAID
# An Ocean Node takes an asset from nobody but a free job.
PAID_NODES = {"paid-chain": "ac", "paid-diamond": "ad"}
ASSET_EDGES = {"paid-chain": ("ab",), "paid-diamond": ("ab", "ac")}
# What stands in an output in place of the run's id once two runs are compared.
ANY_RUN = "any run"

_CODE = """\
import json, os, random, time
time.sleep(json.loads(os.environ["PACE"]).get("{node}", 0))
names = sorted(name for name in os.listdir("/data/inputs") if name.endswith(".txt"))
told = ",".join(open("/data/inputs/" + name).read() for name in names)
open("/data/outputs/{node}.txt", "w").write("{shape}.{node}(" + told{own} + ")")
"""
_BULK = 'open("/data/outputs/bulk", "wb").write(random.Random(1).randbytes({bytes}))\n'


def dag_id(shape: str) -> str:
    return f"deflow_chaos-{shape}"


def document(shape: str) -> dict[str, Any]:
    nodes, edges = ALL[shape]
    return {
        "slug": f"chaos-{shape}",
        "params": {name: {"default": "{}", "schema": {"type": "string"}} for name in ("pace", "salt")},
        # Every kill may cost a try, and a round has several.
        "defaults": {"retries": 12},
        "nodes": [{"id": node, "data": _data(shape, node)} for node in nodes],
        "edges": [{"source": edge[0], "target": edge[1], "data": _handed(shape, edge)} for edge in edges],
        **({"budget": {"per_run": "20"}} if is_paid(shape) else {}),
    }


def conf(pace: Mapping[str, float], run_id: str) -> dict[str, Any]:
    return {"pace": json.dumps(pace), "salt": run_id}


def is_paid(shape: str) -> bool:
    return shape in PAID


def ocean_node_of(shape: str, task_id: str) -> str:
    """The part that a task talks to: an edge to its consumer's, the last one to the first's."""
    node = task_id.split("__")[-1]
    return "ocean-node-2" if node in ("b", "d") and not is_paid(shape) else "ocean-node"


def _data(shape: str, node: str) -> dict[str, Any]:
    own = ' + os.environ["SALT"]' if is_paid(shape) and node == "a" else ""
    code = textwrap.dedent(_CODE).format(shape=shape, node=node, own=own)
    if (shape, node) == ("bulky", "a"):
        code += _BULK.format(bytes=BULK_BYTES)
    data: dict[str, Any] = {
        "algorithm": drawn.algorithm(code),
        "environment_variables": {"PACE": "{{ params.pace }}"},
    }
    if own:
        data["environment_variables"]["SALT"] = "{{ params.salt }}"
    if node in PAID_NODES.get(shape, ""):
        data |= {"payment": {"mode": "paid"}, "max_duration_seconds": 120}
    if node == "c":
        data["queue"] = "heavy"  # another worker's on a cluster
    if ocean_node_of(shape, node) == "ocean-node-2":
        data["ocean_node"] = SECOND_OCEAN_NODE
    return data


def _handed(shape: str, edge: str) -> dict[str, Any]:
    is_asset = edge in ASSET_EDGES.get(shape, ())
    return {"files": ["*.txt"], **({"handover": "asset"} if is_asset else {})}
