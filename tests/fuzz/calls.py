# SPDX-License-Identifier: Apache-2.0
"""Requests to try: each is a recorded one, whole or with some of its values replaced."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from tests.wire_replay.recordings import ALL

# What a node's own things are called in a request that can be sent to any node.
ENVIRONMENT, JOB, BUCKET, IMAGE, TAG = "<environment>", "<job>", "<bucket>", "<image>", "<tag>"
FEE_TOKEN = "<fee token>"

_OWN_NAMES = (
    (r"0x[0-9a-f]{64}-0x[0-9a-f]{64}", ENVIRONMENT),
    (r"0x[0-9a-f]{64}-[0-9a-f]{64}", JOB),
    (r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}", BUCKET),
    (r"0x5FbDB2315678afecb367f032d93F642f64180aa3", FEE_TOKEN),
    (r"http://file\.test:8098", "http://localhost:9"),
    (r"(http://)?(repo|rpc1|ddb1|node)\.test:\d+", "http://localhost:9"),
)
_SIGNED = ("nonce", "signature")
# Not requests of a consumer to this node: a proxy's, a slow file's, an endless log's.
_LEFT_OUT = frozenset({"rate-limit", "rate-limit-direct"})

# JSON allows a number that no float holds; it stands for itself until a request is written.
OVERFLOW = "<1e999>"

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    0.5,
    1e308,
    2**53,
    2**64,
    10**400,
    OVERFLOW,
    "",
    " ",
    "0",
    "-1",
    "NaN",
    "1e9",
    "null",
    "undefined",
    "[object Object]",
    "../../../etc/passwd",
    "a" * 5000,
    "\x00",
    "\ud7ff\uffff",
    "💥",
    "%00%2e%2e%2f",
    "'; DROP TABLE jobs; --",
    "<script>",
    "{{7*7}}",
    "0x",
    "0x" + "0" * 40,
    "0x" + "f" * 64,
    "did:op:" + "0" * 64,
    [],
    [None],
    [[]],
    ["a", "b"],
    {},
    {"__proto__": {"x": 1}},
    {"length": -1},
    {"toString": None},
    [{}] * 50,
)


@dataclass(frozen=True)
class Call:
    """One request; `signed` says whether nonce and signature are made when it is sent."""

    name: str
    method: str
    path: str
    query: dict[str, Any]
    body: Any
    content_type: str | None
    signed: bool

    def for_node(self, fill: Callable[[str], str]) -> Call:
        """With the names of a node's own things put in."""
        values = json.loads(fill(json.dumps([self.path, self.query, self.body])))
        return Call(self.name, self.method, values[0], values[1], values[2], self.content_type, self.signed)


# What a recorded request may lack and a node reads; and what stands at the end of a path.
_MORE_FIELDS = (
    "offset",
    "index",
    "chainId",
    "environments",
    "fromTimestamp",
    "queueMaxWaitTime",
    "additionalViewers",
    "metadata",
    "output",
    "outputBucketId",
    "encryptedDockerRegistryAuth",
    "policyServer",
    "node",
    "authorization",
    "includeMetrics",
    "size",
    "files",
)
_LAST_PARTS = ("", "..", "%2e%2e%2f", "0x00", "1e19", "a" * 3000, "%00", "%F0%9F%92%A5", "did:op:" + "0" * 64)


def calls() -> st.SearchStrategy[Call]:
    return st.sampled_from(list(_recorded())).flatmap(_changed)


@st.composite
def _changes(draw: st.DrawFn, call: Call) -> Call:
    query, body = copy.deepcopy(call.query), copy.deepcopy(call.body)
    whole = {"query": query, "body": body}
    for _ in range(draw(st.integers(0, 3))):
        places = list(_places(whole))
        fields = whole["body"] if isinstance(whole["body"], dict) else whole["query"]
        if not places or draw(st.integers(0, 9)) == 0:
            fields[draw(st.sampled_from(_MORE_FIELDS))] = copy.deepcopy(draw(st.sampled_from(HOSTILE)))
            continue
        holder, key = places[draw(st.integers(0, len(places) - 1))]
        if draw(st.booleans()):
            holder[key] = copy.deepcopy(draw(st.sampled_from(HOSTILE)))
        elif isinstance(holder, dict):
            del holder[key]
        else:
            holder.append(copy.deepcopy(holder[key]))
    path = call.path
    if draw(st.integers(0, 9)) == 0:
        *before, _ = path.split("/")
        path = "/".join([*before, draw(st.sampled_from(_LAST_PARTS))])
    return Call(
        call.name,
        call.method,
        path,
        {name: value for name, value in whole["query"].items() if value is not None},
        whole["body"],
        draw(st.sampled_from((call.content_type,) * 9 + ("text/plain",))),
        call.signed,
    )


def _changed(call: Call) -> st.SearchStrategy[Call]:
    return _changes(call)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every place below `value` that holds something, but for its first level."""
    pairs = list(value.items() if isinstance(value, dict) else enumerate(value))
    for key, item in pairs:
        if key not in ("query", "body"):
            yield value, key
        if isinstance(item, (dict, list)):
            yield from _places(item)


def _recorded() -> Iterator[Call]:
    for recording in ALL:
        request = recording.request
        if recording.name in _LEFT_OUT or "limit" in recording.name or request["method"] == "OPTIONS":
            continue
        body = request["body"] or {}
        text = json.dumps([request["path"], request["query"] or {}, body.get("json", body.get("text"))])
        for pattern, name in _OWN_NAMES:
            text = re.sub(pattern, name, text)
        path, query, sent = json.loads(text)
        fields = query if "signature" in query else sent if isinstance(sent, dict) else {}
        signed = all(name in fields for name in _SIGNED)
        for name in _SIGNED if signed else ():
            fields[name] = "<signed>"
        if isinstance(sent, dict):
            _name_image(sent)
        headers = request["headers"] or {}
        yield Call(str(recording), request["method"], path, query, sent, headers.get("content-type"), signed)


def _name_image(body: dict[str, Any]) -> None:
    meta = (body.get("algorithm") or {}).get("meta") if isinstance(body.get("algorithm"), dict) else None
    container = (meta or {}).get("container") if isinstance(meta, dict) else None
    if isinstance(container, dict) and container.get("image"):
        container.update(image=IMAGE, tag=TAG)
