# SPDX-License-Identifier: Apache-2.0
"""One entry of the ledger: what happened to one task of a run, when; small, and without secrets.

An entry's id is the hash of what makes it the same entry: writing it again changes nothing. Whatever
text comes from outside (an Ocean Node's words, an algorithm's log) passes `clean` on its way in.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

MAX_TEXT = 4000
# What is looked through for secrets; no text is shown beyond a part of it.
MAX_RAW_TEXT = 16 * MAX_TEXT
MAX_ITEMS = 1000
# Of an entry's values as JSON, whatever they were made from.
MAX_BYTES = 32_000

# An algorithm may log whatever it likes: each of these looks at a letter a bounded number of times.
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,20}://[^\s'\"<>]+")
_SECRETS = re.compile(
    r"0x[0-9a-fA-F]{130}"  # a signature
    r"|(?<![\w-])eyJ[\w-]+\.[\w-]+\.[\w-]+"  # a token of an Ocean Node
    r"|-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)",
    re.DOTALL,
)
_NAMED_SECRETS = re.compile(
    r"((?:signature|nonce|token|password|passwd|secret|credential|(?:private|api|access|account)[_-]?key"
    r"|authorization)[\w-]{0,30}['\"]?\s{0,3}[=:]\s{0,3}['\"]?(?:bearer\s|basic\s)?)[^\s'\",;&}]+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Run:
    """A Dag run; `graph` is the slug, of a Dag that somebody wrote its id, empty where it is not known."""

    dag_id: str
    run_id: str
    graph: str = ""
    revision: int | None = None

    @property
    def id(self) -> str:
        return _hash([self.dag_id, self.run_id])


@dataclass(frozen=True, slots=True)
class Place:
    """Which try of which task an entry is about."""

    task_id: str
    map_index: int = -1
    try_number: int = 1


@dataclass(frozen=True, slots=True)
class Fact:
    """What happened: a `kind` from `facts`, and its values as JSON with names of ours.

    Two facts with the same `key` are one, whatever else they say: the first that is written stays.
    Without a key, only a fact that is equal in all, its time included, is the same.
    """

    kind: str
    what: Mapping[str, Any]
    key: str = ""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True, slots=True)
class Entry:
    """A fact about a place, as it is written."""

    id: str
    task_id: str
    map_index: int
    try_number: int
    kind: str
    at: datetime
    what: dict[str, Any]

    @classmethod
    def of(cls, run: Run, place: Place, fact: Fact) -> Self:
        what = _bounded({name: clean(value) for name, value in fact.what.items()})
        at = fact.at.astimezone(UTC)
        # To the millisecond, which is what MongoDB keeps.
        at = at.replace(microsecond=at.microsecond // 1000 * 1000)
        same = fact.key or [place.try_number, at.isoformat(), what]
        identity = [run.id, place.task_id, place.map_index, fact.kind, same]
        return cls(_hash(identity), place.task_id, place.map_index, place.try_number, fact.kind, at, what)


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries of one run, together with what says which run it is: complete in itself."""

    run: Run
    entries: tuple[Entry, ...]

    def to_document(self) -> dict[str, Any]:
        entries = [{**asdict(entry), "at": entry.at.isoformat()} for entry in self.entries]
        return {"run": asdict(self.run), "entries": entries}

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        """The batch that `to_document` wrote. Raises `ValueError`, `KeyError` or `TypeError` for others."""
        entries = (Entry(**{**each, "at": _moment(each["at"])}) for each in document["entries"])
        return cls(Run(**document["run"]), tuple(entries))


def clean(value: Any) -> Any:
    """`value` as JSON of bounded size without what looks like a secret."""
    if isinstance(value, str):
        text = cleaned(value[:MAX_RAW_TEXT])
        return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    if isinstance(value, Mapping):
        return {str(name): clean(each) for name, each in list(value.items())[:MAX_ITEMS]}
    if isinstance(value, Sequence):
        return [clean(each) for each in value[:MAX_ITEMS]]
    return value


def cleaned(text: str) -> str:
    """`text` without signatures, tokens and keys; a URL keeps scheme, host and path."""
    # Here: who only reads the ledger does not wait for HTTP libraries.
    from airflow_provider_deflow import http

    def redacted(found: re.Match[str]) -> str:
        # A sentence goes on after it.
        url = found[0].rstrip(".,:;")
        return http.redact(url) + found[0][len(url) :]

    text = text.encode(errors="replace").decode()
    text = _URL.sub(redacted, text)
    return _NAMED_SECRETS.sub(r"\1…", _SECRETS.sub("…", text))


def _bounded(what: dict[str, Any]) -> dict[str, Any]:
    """The largest values are left out until the rest is small enough."""
    sizes = {name: len(json.dumps(value).encode()) for name, value in what.items()}
    for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if sum(sizes.values()) <= MAX_BYTES:
            break
        what = {**what, name: f"({sizes.pop(name)} bytes left out)"}
    return what


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text} has no time zone")
    return moment.astimezone(UTC)


def _hash(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:40]
