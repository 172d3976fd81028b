# SPDX-License-Identifier: Apache-2.0
"""What a user draws: the graph document, its problems, and where graphs are kept.

`graph` has the document as frozen values, `problems` says all that is wrong with one, `text` fills in
what a run may vary, `store` keeps drafts and revisions in MongoDB. Nothing here knows Airflow, an
Ocean Node or a chain. Names are imported on first use, so that reading a graph costs no pymongo.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs.graph import Graph
    from airflow_provider_deflow.graphs.problems import Problem, find_problems
    from airflow_provider_deflow.graphs.store import GraphStore

__all__ = ["Graph", "GraphStore", "Problem", "find_problems"]

_HOME = {"Graph": "graph", "GraphStore": "store", "Problem": "problems", "find_problems": "problems"}


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
