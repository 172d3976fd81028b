# SPDX-License-Identifier: Apache-2.0
"""What differs between two documents of a graph, by node, by edge, and of the rest by path.

Both are read with their defaults filled in, where they can be read, so that what means the same is the same.
Where boxes stand (`position`) and what an importer kept (`origin`) is no difference. Problems or not, any two
JSON objects can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_deflow.graphs import problems
from airflow_provider_deflow.graphs.problem import path

_NOT_COMPARED = frozenset(["nodes", "edges", "origin"])
_PLACE = frozenset(["position", "width", "height"])
_ABSENT = object()


def between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """`{"nodes": {added, removed, changed}, "edges": …, "graph": [{path, from, to}]}`."""
    old, new = _filled(before), _filled(after)
    return {
        "nodes": _parts(_by_id(old, "nodes"), _by_id(new, "nodes")),
        "edges": _parts(_by_id(old, "edges"), _by_id(new, "edges")),
        "graph": list(_fields(_rest(old), _rest(new), ())),
    }


def _filled(document: Mapping[str, Any]) -> Mapping[str, Any]:
    graph, found = problems.read(dict(document))
    return document if graph is None or found else graph.to_document()


def _rest(document: Mapping[str, Any]) -> dict[str, Any]:
    rest = {key: value for key, value in document.items() if key not in _NOT_COMPARED}
    notes = document.get("notes")
    if isinstance(notes, list):
        rest["notes"] = [_unplaced(note) for note in notes]
    return rest


def _unplaced(part: Any) -> Any:
    """Without where it is drawn, and how large."""
    return {key: part[key] for key in part if key not in _PLACE} if isinstance(part, dict) else part


def _by_id(document: Mapping[str, Any], key: str) -> dict[str, Mapping[str, Any]]:
    """Of two with one id, which is a problem, the later."""
    found = document.get(key)
    parts = [part for part in found if isinstance(part, dict)] if isinstance(found, list) else []
    return {_id(part): _unplaced(part) for part in parts}


def _id(part: Mapping[str, Any]) -> str:
    return str(part.get("id") or f"{part.get('source')}-{part.get('target')}")


def _parts(old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    both = [(name, list(_fields(old[name], new[name], ()))) for name in new if name in old]
    return {
        "added": [name for name in new if name not in old],
        "removed": [name for name in old if name not in new],
        "changed": [{"id": name, "fields": fields} for name, fields in both if fields],
    }


def _fields(old: Any, new: Any, at: tuple[str | int, ...]) -> Iterator[dict[str, Any]]:
    """Objects are gone into; a list is one value, since its items have no names."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            yield from _fields(old.get(key, _ABSENT), new.get(key, _ABSENT), (*at, key))
    elif old is _ABSENT or new is _ABSENT or old != new or type(old) is not type(new):
        yield {"path": path(at), "from": _shown(old), "to": _shown(new)}


def _shown(value: Any) -> Any:
    return None if value is _ABSENT else value
