# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema of a graph document, for editors and other programs.

Generated from the model, so the two cannot disagree; `graph.schema.json` beside this file is its text,
written by `python -m airflow_provider_deflow.graphs.schema`. A schema cannot say everything: what it
accepts may still have problems (a cycle, say), what it refuses always has one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from airflow_provider_deflow.graphs.graph import VIEW_STATE, Graph

FILE = Path(__file__).with_name("graph.schema.json")

_SEEN = {"description": "React Flow's view state: accepted and dropped."}


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of what `Graph.from_document` takes."""
    schema = Graph.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    for part in ("ComputeNode", "GraphEdge"):
        parts[part]["properties"] |= {key: _SEEN for key in sorted(VIEW_STATE)}
    schema["properties"]["viewport"] = _SEEN
    # Its default is made from its ends.
    del parts["GraphEdge"]["properties"]["id"]["default"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "DeFlow graph"}


def as_text() -> str:
    """What `graph.schema.json` has to hold."""
    return json.dumps(json_schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    FILE.write_text(as_text(), encoding="utf-8")
