# SPDX-License-Identifier: Apache-2.0
"""Words on the canvas: kept with the drawing, and nothing else."""

from __future__ import annotations

from typing import Any

from airflow_provider_deflow.graphs import Graph, find_problems

NOTE = {"id": "note", "position": {"x": 10, "y": -5}, "width": 220, "height": 110, "text": "Ask Ada\nfirst"}


def drawing(**more: Any) -> dict[str, Any]:
    return {"slug": "noted", "nodes": [{"id": "a", "data": {"algorithm": {"code": "print(1)"}}}], **more}


def test_a_note_comes_back_as_it_was_written() -> None:
    graph = Graph.from_document(drawing(notes=[NOTE]))
    assert graph.to_document()["notes"] == [NOTE]
    assert Graph.from_document(graph.to_document()) == graph


def test_a_graph_without_notes_has_the_text_that_it_had_before_there_were_any() -> None:
    graph = Graph.from_document(drawing())
    assert "notes" not in graph.to_document()
    assert graph.sha256 == Graph.from_document(drawing(notes=[])).sha256


def test_an_unknown_key_of_a_note_is_a_problem() -> None:
    problems = find_problems(drawing(notes=[{**NOTE, "colour": "red"}]))
    assert [problem.where for problem in problems] == ["notes[0].colour"]
