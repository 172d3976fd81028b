# SPDX-License-Identifier: Apache-2.0
"""What the graph store gives back: drafts, revisions, and short forms of both without the document."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

# As it lies in the database; `store` says what is in it.
Record = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A stored graph in a list. `published` is the newest revision still in force, if any."""

    slug: str
    name: str
    description: str
    owner: str
    tags: tuple[str, ...]
    version: int
    author: str
    saved_at: datetime
    published: int | None
    has_unpublished_changes: bool

    @classmethod
    def from_record(cls, record: Record) -> Self:
        return cls(
            slug=record["_id"],
            name=record["name"],
            # What was saved before these were kept beside the text has none until it is saved again.
            description=record.get("description", ""),
            owner=record.get("owner", ""),
            tags=tuple(record.get("tags", ())),
            version=record["version"],
            author=record["author"],
            saved_at=record["saved_at"],
            published=_in_force(record),
            has_unpublished_changes=record["sha256"] != record["published_sha256"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A draft. `version` grows with every save, whoever saves; a draft may have problems."""

    slug: str
    version: int
    document: dict[str, Any]
    sha256: str
    author: str
    saved_at: datetime
    message: str
    published: int | None
    has_unpublished_changes: bool

    @classmethod
    def from_record(cls, record: Record) -> Self:
        return cls(
            slug=record["_id"],
            version=record["version"],
            document=json.loads(record["text"]),
            sha256=record["sha256"],
            author=record["author"],
            saved_at=record["saved_at"],
            message=record["message"],
            published=_in_force(record),
            has_unpublished_changes=record["sha256"] != record["published_sha256"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A revision without its document. `change` is the store's change that published it."""

    slug: str
    number: int
    sha256: str
    author: str
    published_at: datetime
    message: str
    change: int

    @classmethod
    def from_record(cls, record: Record) -> Self:
        return cls(**_common(record))


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision(Published):
    """An immutable, published state of a graph."""

    document: dict[str, Any]

    @classmethod
    def from_record(cls, record: Record) -> Self:
        return cls(**_common(record), document=json.loads(record["text"]))


def _common(record: Record) -> Record:
    keys = ("slug", "number", "sha256", "author", "published_at", "message", "change")
    return {key: record[key] for key in keys}


def _in_force(record: Record) -> int | None:
    return record["number"] if record["published_sha256"] else None
