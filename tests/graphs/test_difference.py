# SPDX-License-Identifier: Apache-2.0
"""What differs between two documents: all that changed, and nothing that means the same."""

from __future__ import annotations

import copy
from typing import Any

from airflow_provider_deflow.graphs import Graph
from airflow_provider_deflow.graphs.difference import between

NOTHING: dict[str, list[Any]] = {"added": [], "removed": [], "changed": []}
DOCUMENT: dict[str, Any] = {
    "slug": "one",
    "nodes": [
        {"id": "a", "data": {"algorithm": {"code": "1"}}},
        {"id": "b", "data": {"algorithm": {"code": "2"}}},
    ],
    "edges": [{"source": "a", "target": "b"}],
}


def changed(**more: Any) -> dict[str, Any]:
    return copy.deepcopy(DOCUMENT) | more


def test_a_document_and_its_filled_in_form_are_the_same() -> None:
    filled = Graph.from_document(DOCUMENT).to_document()
    assert between(DOCUMENT, filled) == {"nodes": NOTHING, "edges": NOTHING, "graph": []}


def test_a_moved_box_is_no_difference() -> None:
    moved = changed()
    moved["nodes"][0]["position"] = {"x": 9, "y": 9}
    assert between(DOCUMENT, moved)["nodes"] == NOTHING


def test_a_moved_note_is_no_difference_but_what_it_says_is() -> None:
    notes = [
        [{"id": "n", "text": text, "position": {"x": x, "y": 0}}]
        for text, x in (("a", 1), ("a", 2), ("b", 2))
    ]
    first, moved, said = (changed(notes=each) for each in notes)
    assert between(first, moved)["graph"] == []
    assert [one["path"] for one in between(moved, said)["graph"]] == ["notes"]


def test_what_is_there_on_one_side_only_is_null_on_the_other() -> None:
    old, new = changed(params={"x": {"default": 1}}), changed(params={"y": {"default": 2}})
    assert [(one["path"], one["from"] is None, one["to"] is None) for one in between(old, new)["graph"]] == [
        ("params.x", False, True),
        ("params.y", True, False),
    ]


def test_true_is_not_one() -> None:
    assert between({"name": 1}, {"name": True})["graph"] == [{"path": "name", "from": 1, "to": True}]


def test_unfinished_documents_are_compared_too() -> None:
    assert between(
        {"nodes": [1, {"id": "a"}], "edges": {}}, {"nodes": [{"id": "a", "x": 1}], "edges": [{}]}
    ) == {
        "nodes": {
            "added": [],
            "removed": [],
            "changed": [{"id": "a", "fields": [{"path": "x", "from": None, "to": 1}]}],
        },
        "edges": {"added": ["None-None"], "removed": [], "changed": []},
        "graph": [],
    }
