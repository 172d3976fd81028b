# SPDX-License-Identifier: Apache-2.0
"""All that is wrong with a graph, at once, each problem with its exact place and what to do about it.

A problem of a single value comes from reading the document and is placed by path
(`nodes[2].data.algorithm.image`); one of the graph as a whole comes from `structure` and is placed
by the node's or edge's id. Nothing a document can hold makes this raise.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import values
from airflow_provider_deflow.graphs.graph import Graph
from airflow_provider_deflow.graphs.problem import DOCUMENT, Problem, path
from airflow_provider_deflow.graphs.sources import KIND
from airflow_provider_deflow.graphs.structure import structural_problems

__all__ = ["DOCUMENT", "Problem", "checked", "find_problems", "read"]

V = TypeVar("V", bound=BaseModel)

# pydantic's word for a misfit -> what it should be
_TYPES = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
    "typed_dict_type": "an object",
    "tuple_type": "a list",
    "list_type": "a list",
    "none_required": "null",
}
_LIMITS = {
    "greater_than_equal": "must be at least {ge:g}",
    "less_than_equal": "must be at most {le:g}",
    "string_too_long": "must be at most {max_length} characters",
    "finite_number": "must be a finite number",
    "int_parsing_size": "is too large a number",
}
# last key of the path -> code and message for a value that is none of those it can be
_CHOICES = {
    "type": ("unknown_kind", 'is no kind of node that there is: use "compute"'),
    "mode": ("payment", 'must be "free" or "paid"'),
    "handover": ("handover", "must be auto, bucket, url or asset"),
    "method": ("bad_file", "must be GET or POST"),
}


def find_problems(document_or_graph: object) -> list[Problem]:
    """All problems of a document or a graph; none means that a Dag can be built from it."""
    if isinstance(document_or_graph, Graph):
        return read(document_or_graph.to_document())[1]
    return read(document_or_graph)[1]


def checked(kind: type[V], value: V | Mapping[str, Any], name: str) -> V:
    """A part of a graph, given as a value or in the document's words, for what is built by hand.

    Raises `InvalidGraph` with all its problems; none of them repeats what was given.
    """
    if isinstance(value, kind):
        return value
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        misfits = error.errors(include_url=False, include_input=False)
        raise errors.InvalidGraph(name, list(_value_problems(misfits))) from None


def read(document: object) -> tuple[Graph | None, list[Problem]]:
    """The graph, when its values are right, and all problems; take the graph only when there are none."""
    if not isinstance(document, dict):
        return None, [
            Problem("not_a_graph", DOCUMENT, "must be a JSON object with `slug`, `nodes` and `edges`")
        ]
    graph: Graph | None = None
    found: list[Problem] = []
    try:
        graph = Graph.model_validate(document)
    except ValidationError as error:
        found.extend(_value_problems(error.errors(include_url=False, include_input=False)))
    except RecursionError:
        found.append(Problem("not_json", DOCUMENT, "is nested without end"))
    found.extend(structural_problems(document))
    return graph, found


def _value_problems(misfits: list[ErrorDetails]) -> Iterator[Problem]:
    unknown_kinds = {one["loc"][:2] for one in misfits if _is_node_kind(one)}
    for misfit in misfits:
        # What a node of an unknown kind holds cannot be judged.
        if misfit["loc"][:2] in unknown_kinds and misfit["loc"][2:3] == ("data",):
            continue
        yield _value_problem(misfit)


def _is_node_kind(misfit: ErrorDetails) -> bool:
    location = misfit["loc"]
    return misfit["type"] == "literal_error" and location[0] == "nodes" and location[2:] == ("type",)


def _value_problem(misfit: ErrorDetails) -> Problem:
    location = [key for key in misfit["loc"] if not (isinstance(key, str) and key.startswith(KIND))]
    # pydantic marks a wrong key of a mapping so: ("params", "my key", "[key]")
    subject = "its name " if location and location[-1] == "[key]" else ""
    if subject:
        location.pop()
    code, message = _said(misfit, location)
    if code == "missing" and location[0] == "nodes" and len(location) == 3 and location[2] == "data":
        location.append("algorithm")  # the one key of `data` that has no default
    return Problem(code, path(location), subject + message)


def _said(misfit: ErrorDetails, location: list[Any]) -> tuple[str, str]:
    kind, context = misfit["type"], misfit.get("ctx", {})
    if kind == "string_pattern_mismatch":
        return values.REFUSALS[context["pattern"]]
    if kind == "missing":
        return "missing", "is required and not there: add it"
    if kind in ("extra_forbidden", "invalid_key"):
        return "unknown_key", "is no key that there is here: remove it, or look at its spelling"
    if kind == "literal_error":
        return _CHOICES.get(str(location[-1]), ("bad_value", misfit["msg"]))
    if kind in _TYPES:
        return "wrong_type", f"must be {_TYPES[kind]}"
    if kind in _LIMITS:
        return "out_of_range", _LIMITS[kind].format(**context)
    if kind == "string_unicode":
        return "bad_text", "must be Unicode text; half a character is in it"
    # One of our own: its type is the code already.
    return kind, misfit["msg"]
