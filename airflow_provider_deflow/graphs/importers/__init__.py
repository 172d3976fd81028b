# SPDX-License-Identifier: Apache-2.0
"""Drawings of other programs: read as a graph document, and given back as they came.

`origin` of an imported document keeps the other program's document whole. Export reads it again, as
the import did, and changes in it what differs between that reading and the document of now: what was
edited here shows, all else, understood or not, is as it was. A document without such an origin is
written from nothing.

Two programs are known: the original DeFlow (`deflow`), and anything that draws with React Flow
(`react_flow`). `form` says what tells them apart; `reading` and `writing` know none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import problems
from airflow_provider_deflow.graphs.importers.deflow import DeflowForm
from airflow_provider_deflow.graphs.importers.form import Form
from airflow_provider_deflow.graphs.importers.react_flow import ReactFlowForm
from airflow_provider_deflow.graphs.importers.reading import read
from airflow_provider_deflow.graphs.importers.remarks import Remarks
from airflow_provider_deflow.graphs.importers.writing import write
from airflow_provider_deflow.graphs.problem import DOCUMENT, Problem

__all__ = ["FORMS", "Exported", "Imported", "export_document", "import_document"]

FORMS: dict[str, type[Form]] = {form.name: form for form in (DeflowForm, ReactFlowForm)}


@dataclass(frozen=True, slots=True)
class Imported:
    """A graph document; all its problems, each with its place in the other program's document; remarks."""

    document: dict[str, Any]
    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class Exported:
    """The other program's document, and remarks on what it has no place for."""

    document: dict[str, Any]
    remarks: tuple[Problem, ...]


def import_document(
    original: object, form_name: str, slug: str, ocean_nodes: Mapping[str, str] | None = None
) -> Imported:
    """The graph document of another program's drawing, problems or not.

    `ocean_nodes` names the Airflow connection of an Ocean Node's URL; the others get a name of their own.
    Raises `InvalidGraph` for what is no drawing at all.
    """
    if not isinstance(original, dict):
        raise errors.InvalidGraph(slug, [_not_a_drawing(original)])
    form = FORMS[form_name](ocean_nodes or {})
    remarks = Remarks()
    reading = read(original, form, remarks)
    document = {
        "slug": slug,
        **reading.document,
        "origin": {"format": form.name, "ocean_nodes": form.connections, "document": original},
    }
    found = [
        Problem(problem.code, reading.place(problem.where), problem.message)
        for problem in problems.find_problems(document)
    ]
    return Imported(document, (*reading.problems, *found), remarks.all())


def export_document(
    document: Mapping[str, Any], form_name: str, ocean_nodes: Mapping[str, str] | None = None
) -> Exported:
    """The other program's drawing of a graph document, problems or not.

    A document that was imported from that program gives the original back, with what was edited since.
    """
    kind = FORMS[form_name]
    remarks = Remarks()
    origin = document.get("origin")
    original, connections = _kept(origin, form_name)
    if original is None:
        if origin is not None:
            remarks.add("origin", "origin", f"holds no document of {kind.title}: all is written anew")
        original = kind.blank()
    reading = read(original, kind(connections, ocean_nodes), Remarks())
    return Exported(write(document, original, reading, remarks), remarks.all())


def _kept(origin: object, form_name: str) -> tuple[dict[str, Any] | None, dict[str, str]]:
    """The original within an `origin`, when it is of that program, and the connections of its Ocean Nodes."""
    if not isinstance(origin, dict) or origin.get("format") != form_name:
        return None, {}
    original, connections = origin.get("document"), origin.get("ocean_nodes")
    if not isinstance(original, dict):
        return None, {}
    named = connections.items() if isinstance(connections, dict) else ()
    return original, {url: name for url, name in named if isinstance(name, str)}


def _not_a_drawing(original: object) -> Problem:
    message = "must be a JSON object with `nodes` and `edges`"
    if isinstance(original, list):
        message += f", and is a list of {len(original)}: import each by itself"
    return Problem("not_a_graph", DOCUMENT, message)
