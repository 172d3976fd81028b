# SPDX-License-Identifier: Apache-2.0
"""The text that is kept of a saved document: canonical for a good graph, plain sorted JSON for one at work.

People save drawings that are not finished, so a draft may have problems; only its slug must be fit,
and it must be JSON of a size that can be kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import problems

# MongoDB takes documents of 16 MB; the rest of the record needs a little.
TEXT_LIMIT_BYTES = 15_000_000
# Of an unfinished drawing these may be of any length.
LINE_LIMIT = 500
MOST_TAGS = 50


@dataclass(frozen=True, slots=True)
class DraftText:
    """A document as it is kept."""

    slug: str
    name: str
    text: str
    about: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """The hash of the text; for a good graph that is the graph's own."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @classmethod
    def of(cls, document: object) -> DraftText:
        """Raises `InvalidGraph` for what cannot be kept: no fit slug, no JSON, or too large."""
        graph, found = problems.read(document)
        if graph is not None and not found:
            about = _about(graph.description, graph.owner, graph.tags)
            kept = cls(graph.slug, graph.name, graph.canonical().decode(), about)
        else:
            kept = cls._unfinished(document, found)
        if len(kept.text.encode()) > TEXT_LIMIT_BYTES:
            raise errors.InvalidGraph(kept.slug, [_too_large()])
        return kept

    @classmethod
    def _unfinished(cls, document: object, found: list[problems.Problem]) -> DraftText:
        told = document if isinstance(document, dict) else {}
        slug = told.get("slug", "")
        fatal = [problem for problem in found if problem.where in ("slug", problems.DOCUMENT)]
        if fatal or not isinstance(slug, str):
            raise errors.InvalidGraph(slug if isinstance(slug, str) else "", fatal)
        try:
            text = json.dumps(
                document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
            )
            text.encode()
        except (TypeError, ValueError, RecursionError):
            raise errors.InvalidGraph(slug, found) from None
        about = _about(told.get("description"), told.get("owner"), told.get("tags"))
        return cls(slug, _line(told.get("name")), text, about)


def _about(description: object, owner: object, tags: object) -> dict[str, Any]:
    """What a list of graphs shows beside slug and name, as much of it as is text."""
    listed = tags if isinstance(tags, list | tuple) else ()
    return {
        "description": _line(description),
        "owner": _line(owner),
        "tags": [_line(tag) for tag in listed[:MOST_TAGS] if isinstance(tag, str)],
    }


def _line(text: object) -> str:
    return text[:LINE_LIMIT] if isinstance(text, str) else ""


def _too_large() -> problems.Problem:
    return problems.Problem(
        "too_large",
        problems.DOCUMENT,
        f"is larger than {TEXT_LIMIT_BYTES // 1_000_000} MB, more than MongoDB keeps in one document: "
        "keep code and data in files or uploads",
    )
