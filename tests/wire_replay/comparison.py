# SPDX-License-Identifier: Apache-2.0
"""What two replies have in common, however much time, ids and sizes differ: the shape.

Compared are the status, the content type, keys in their order, the kinds of values, those values that are
the node's own words, lines of a log, and the members of an archive.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator
from typing import Any

import requests

from tests.local_ocean_node.running import frames
from tests.wire_replay.recordings import Recording

# Values that a node chooses from a few; all others are compared by their kind.
WORDS = {
    "status",
    "statusText",
    "exitCode",
    "OOMKilled",
    "stopRequested",
    "isFree",
    "filename",
    "type",
    "index",
    "valid",
    "success",
    "error",
    "eventType",
    "validOrder",
}
ARCHIVE = "application/octet-stream"
# Their replies are another text each time, or noise.
CIPHERS = ("/api/services/encrypt", "/api/services/encryptFile")
# Lists whose length means something.
COUNTED = {"results", "resources", "prices", "datasets"}

# What is in them is the consumer's.
NESTED = {"algorithm", "assets", "metadata", "results", "resources"}

_MASKS = [
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}"), "<uuid>"),
    (re.compile(r"\b(0x)?[0-9a-fA-F]{40,}\b"), "<hex>"),
    (re.compile(r"repo\.test:\d+/[\w/-]+"), "<image>"),
    (re.compile(r"\d+"), "<n>"),
    # Behind the title of an Express error page comes a stack trace.
    (re.compile(r"<br>.*</pre>", re.DOTALL), "</pre>"),
    # Why a local Ocean Node says no where a real one would not, in its own words behind the real ones.
    (re.compile(r" \(This local Ocean Node [^)]*\)"), ""),
]


def differences(recording: Recording, reply: requests.Response, text: str) -> list[str]:
    """What is not as recorded; `text` is the reply's body with local names put back to recorded ones."""
    found = []
    if reply.status_code != recording.status:
        found.append(f"status {recording.status} became {reply.status_code}: {text[:300]}")
    content_type = reply.headers.get("content-type", "")
    if content_type != recording.content_type:
        found.append(f"content type {recording.content_type!r} became {content_type!r}")
    return found + list(_body_differences(recording, reply.content, text))


def _body_differences(recording: Recording, content: bytes, text: str) -> Iterator[str]:
    is_stream = recording.request["path"].endswith(("/computeResult", "/computeStreamableLogs"))
    if not recording.reply or not content:
        if bool(recording.reply) != bool(content):
            yield f"{recording.body[:80]!r} became {content[:80]!r}"
    elif "json" in recording.reply:
        try:
            value = json.loads(text)
        except ValueError:
            yield f"no JSON: {text[:80]!r}"
        else:
            theirs = recording.reply["json"]
            if recording.request["path"].endswith("/escrow/events"):
                theirs, value = _of_the_same_kind(theirs, value)
            yield from _value_differences(theirs, value, "", is_listing(recording))
    elif recording.request["path"] in CIPHERS and recording.status == 200:
        if recording.reply.get("text", "").startswith("0x04") != text.startswith("0x04"):
            yield f"{recording.reply} became {text!r}"
    elif "text" in recording.reply:
        if masked(recording.reply["text"]) != masked(text):
            yield f"{recording.reply['text']!r} became {text!r}"
    elif is_stream and not recording.is_whole:
        yield from _head_differences(recording, content)
    elif is_stream and recording.content_type != ARCHIVE:
        yield from _log_differences(recording, content)
    elif is_stream:
        yield from _archive_differences(recording.body, content)
    else:
        yield f"no rule compares this body: {recording.body[:80]!r}"


def _of_the_same_kind(theirs: Any, ours: Any) -> tuple[Any, Any]:
    """Events paired by what happened: on a chain that others use it happens in any order."""
    if not (isinstance(theirs, list) and isinstance(ours, list) and theirs and ours):
        return theirs, ours
    kinds = {one["eventType"]: one for one in ours}
    found = [(one, kinds[one["eventType"]]) for one in theirs if one["eventType"] in kinds]
    return [one for one, _ in found], [other for _, other in found]


def is_listing(recording: Recording) -> bool:
    """Its elements are whatever happened on the node before: any job in any state."""
    told = recording.reply.get("json")
    asked = recording.asked
    by_id = "-" in str(asked.get("jobId", ""))
    return isinstance(told, list) and "owner" in str(told[:1]) and not by_id and "algorithm" not in asked


def masked(text: str) -> str:
    for pattern, name in _MASKS:
        text = pattern.sub(name, text)
    return text


def members(archive: bytes) -> list[tuple[str, bytes, int]]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return [(member.name, member.type, member.mode & 0o777) for member in tar]


def _archive_differences(theirs: bytes, ours: bytes) -> Iterator[str]:
    try:
        if members(theirs) != members(ours):
            yield f"members {members(theirs)} became {members(ours)}"
    except tarfile.TarError:
        yield f"no archive: {ours[:300]!r}"


def _head_differences(recording: Recording, content: bytes) -> Iterator[str]:
    """The start is all that was kept: of an archive the name of its first member, of a log what was said."""
    theirs, ours = recording.head, content
    if recording.content_type != ARCHIVE:
        theirs, ours = (_first_stream(log) for log in (theirs, ours))
    if not theirs or not ours.startswith(theirs):
        yield f"start {theirs!r} became {ours[: len(theirs)]!r}"


def _first_stream(log: bytes) -> bytes:
    return b"".join(text.encode() for stream, text in frames(log) if stream == 1)


def _log_differences(recording: Recording, content: bytes) -> Iterator[str]:
    """Line by line and stream by stream; how a pipe cut them into frames is chance."""
    theirs, ours = _said(recording.body), _said(content)
    for stream in (1, 2):
        if masked(theirs[stream]) != masked(ours[stream]):
            yield f"stream {stream}: {theirs[stream][:300]!r} became {ours[stream][:300]!r}"


def _said(content: bytes) -> dict[int, str]:
    """By stream. Of the algorithm that shows its surroundings only what it looks at: they differ."""
    framed = [(1, content.decode())] if content[:1] not in (b"\1", b"\2") else frames(content)
    said = {stream: "".join(text for number, text in framed if number == stream) for stream in (1, 2)}
    if said[1].startswith("--- env\n"):
        said[1] = "\n".join(line for line in said[1].splitlines() if line.startswith("--- "))
    return said


def _value_differences(theirs: Any, ours: Any, where: str, is_loose: bool) -> Iterator[str]:
    key = where.rpartition(".")[2]
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if list(theirs) != list(ours):
            yield f"keys of {where or 'the reply'}: {list(theirs)} became {list(ours)}"
        for name in (theirs.keys() & ours.keys()) - (NESTED if is_loose else set()):
            yield from _value_differences(theirs[name], ours[name], f"{where}.{name}", is_loose)
    elif isinstance(theirs, list) and isinstance(ours, list):
        if (len(theirs) != len(ours)) if key in COUNTED else (bool(theirs) != bool(ours)):
            yield f"{where or 'the reply'}: {theirs!r:.200} became {ours!r:.200}"
        # Of a listing the first, which the replay has just made.
        for one, other in list(zip(theirs, ours, strict=False))[: 1 if is_loose else None]:
            yield from _value_differences(one, other, where, is_loose)
    elif is_loose and (theirs is None or ours is None):
        pass
    elif kind(theirs) != kind(ours):
        yield f"{where or 'the reply'}: {theirs!r:.200} became {ours!r:.200}"
    elif ((key in WORDS and not is_loose) or not where) and masked(str(theirs)) != masked(str(ours)):
        yield f"{where or 'the reply'}: {theirs!r} became {ours!r}"


def kind(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    return type(value).__name__
