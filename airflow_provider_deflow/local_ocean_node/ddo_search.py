# SPDX-License-Identifier: Apache-2.0
"""Search among indexed DDOs, in the two forms that a real node takes.

A query in Elasticsearch's form becomes Typesense's there, and so it does here; what Typesense would do
with it is imitated for filters (`field:=value`, lists, numbers, `&&`, `||`), words and sorting. A query
of neither form, or with more than that in its filter, is refused as the real node refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from airflow_provider_deflow.local_ocean_node.index import COLLECTIONS, Index
from airflow_provider_deflow.local_ocean_node.javascript import as_text

_CONDITION = re.compile(r"\s*([\w.@]+)\s*:\s*(=|!=|!|>=|<=|>|<|)\s*(.*?)\s*")
_COMPARED: dict[str, Callable[[float, float], bool]] = {
    ">": lambda one, other: one > other,
    ">=": lambda one, other: one >= other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
}
_MOST_HITS = 250
# As many as Typesense gives when nobody says how many.
_HITS = 10


class Unsupported(ValueError):
    """Neither form, or more than is imitated."""


def typesense_query(asked: Any) -> dict[str, Any]:
    """What a search becomes; one that has `filter_by` already is taken as it is."""
    if not isinstance(asked, dict):
        raise Unsupported("no object")
    if "filter_by" in asked:
        return asked
    query = asked.get("query")
    if not isinstance(query, dict) or query.get("bool") is None or isinstance(query["bool"], list):
        raise Unsupported("no query.bool")
    # A number or a text has no filters, which is no fault in JavaScript.
    conditions = query["bool"] if isinstance(query["bool"], dict) else {}
    parts = []
    for name, sign in (("filter", "="), ("must_not", "!=")):
        clauses = conditions.get(name) or []
        if not isinstance(clauses, list) or not all(isinstance(clause, dict) for clause in clauses):
            raise Unsupported(f"bool.{name} is no list of objects")
        for clause in clauses:
            parts += [f"{field}:{sign}{value}" for field, value in _terms(clause)]
    sort = asked.get("sort")
    sort = ",".join(f"{field}:{way}" for field, way in sort.items()) if isinstance(sort, dict) else ""
    return {"q": "*", "filter_by": " && ".join(parts), **({"sort_by": sort} if sort else {})}


def _terms(clause: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The first field of a `term`, or else of `terms`, with what it must be."""
    kind = "term" if clause.get("term") else "terms"
    fields = clause.get(kind) or {}
    if not isinstance(fields, dict):
        raise Unsupported(f"{kind} is no object")
    for field, value in list(fields.items())[:1]:
        if kind == "term":
            yield field, as_text(value)
        elif isinstance(value, list):
            yield field, f"[{','.join(map(as_text, value))}]"
        else:
            raise Unsupported("terms is no list")


def search(index: Index, query: dict[str, Any]) -> list[dict[str, Any]]:
    """One set of results per collection, as Typesense words them."""
    matches = _filter(str(query.get("filter_by") or ""))
    return [_results(collection, index.ddos(collection), query, matches) for collection in COLLECTIONS]


def _results(
    collection: str, documents: list[dict[str, Any]], query: dict[str, Any], matches: _Matches
) -> dict[str, Any]:
    found = [one for one in documents if matches(one) and _has_words(one, query)]
    for part in reversed([part for part in str(query.get("sort_by") or "").split(",") if part]):
        field, _, direction = part.partition(":")
        found.sort(key=lambda one: _sort_key(one, field.strip()), reverse=direction.strip().lower() == "desc")
    size, page = _whole(query, "per_page", _HITS, _MOST_HITS), _whole(query, "page", 1)
    shown = found[(page - 1) * size : page * size]
    return {
        "found": len(found),
        "out_of": len(documents),
        "page": page,
        "request_params": {"collection_name": collection},
        "search_time_ms": 0,
        "facet_counts": [],
        "hits": [{"document": one, "highlights": []} for one in shown],
    }


def _whole(query: dict[str, Any], name: str, default: int, most: int = 10**9) -> int:
    """A number from 1 of a query's settings, as Typesense takes it."""
    written = as_text(query.get(name, default))
    if not written.isdigit() or not 1 <= int(written) <= most:
        raise Unsupported(name)
    return int(written)


_Matches = Callable[[dict[str, Any]], bool]


def _filter(text: str) -> _Matches:
    if not text.strip():
        return lambda document: True
    if re.search(r"[()]", re.sub("`[^`]*`", "", text)):
        raise Unsupported("brackets in filter_by")
    alternatives = [[_condition(one) for one in all_of.split("&&")] for all_of in text.split("||")]
    return lambda document: any(all(one(document) for one in all_of) for all_of in alternatives)


def _condition(text: str) -> _Matches:
    found = _CONDITION.fullmatch(text)
    if found is None:
        raise Unsupported("filter_by")
    field, sign, value = found.groups()
    if sign in _COMPARED:
        return _number_condition(field, sign, value)
    listed = value[1:-1].split(",") if value.startswith("[") and value.endswith("]") else [value]
    wanted = {one.strip().strip("`").lower() for one in listed}

    def equals(document: dict[str, Any]) -> bool:
        texts = [as_text(one).lower() for one in _values(document, field)]
        if sign == "":
            # Without a sign the words count, not the whole.
            return any(one in text for one in wanted for text in texts)
        return any(text in wanted for text in texts)

    return (lambda document: not equals(document)) if sign in ("!=", "!") else equals


def _number_condition(field: str, sign: str, value: str) -> _Matches:
    try:
        bound = float(value)
    except ValueError as error:
        raise Unsupported("filter_by") from error
    compared = _COMPARED[sign]
    return lambda document: any(
        compared(one, bound) for one in _values(document, field) if isinstance(one, (int, float))
    )


def _has_words(document: dict[str, Any], query: dict[str, Any]) -> bool:
    words = _words(str(query.get("q") or "*"))
    if not words:
        return True
    fields = str(query.get("query_by") or "").split(",")
    there = [
        word for field in fields for one in _values(document, field.strip()) for word in _words(as_text(one))
    ]
    return all(any(known.startswith(word) for known in there) for word in words)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.lower())


def _sort_key(document: dict[str, Any], field: str) -> tuple[bool, float, str]:
    value = next(_values(document, field), None)
    if isinstance(value, (int, float)):
        return (True, float(value), "")
    return (value is not None, 0.0, as_text(value))


def _values(value: Any, path: str) -> Iterator[Any]:
    """All that lies at a dotted path; lists are gone through."""
    if isinstance(value, list):
        for one in value:
            yield from _values(one, path)
    elif path == "":
        if value is not None:
            yield value
    elif isinstance(value, dict):
        name, _, rest = path.partition(".")
        yield from _values(value.get(name), rest)
