# SPDX-License-Identifier: Apache-2.0
"""All recordings of tests/wire, in the order they were made; what they mean is said in its README."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

WIRE = Path(__file__).parents[1] / "wire"
NOT_HTTP = "chain"


@dataclass(frozen=True)
class Recording:
    """One HTTP exchange; `file` is the name of the file it is in."""

    file: str
    exchange: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"

    @property
    def name(self) -> str:
        return str(self.exchange["name"])

    @property
    def series(self) -> str:
        return str(self.exchange.get("series") or "")

    @property
    def request(self) -> dict[str, Any]:
        return dict(self.exchange["request"])

    @property
    def asked(self) -> dict[str, Any]:
        """The fields of the request, wherever they stand."""
        body = (self.request["body"] or {}).get("json")
        return {**(self.request["query"] or {}), **(body if isinstance(body, dict) else {})}

    @property
    def status(self) -> int:
        return int(self.exchange["response"]["status"])

    @property
    def content_type(self) -> str:
        return str(self.exchange["response"]["headers"].get("content-type") or "")

    @property
    def reply(self) -> dict[str, Any]:
        """The form the body was kept in; nothing for an empty one."""
        return dict(self.exchange["response"]["body"] or {})

    @property
    def is_whole(self) -> bool:
        return "head_base64" not in self.reply

    @property
    def body(self) -> bytes:
        """The reply's bytes as they came."""
        return bytes_of(self.exchange["response"]["body"])


def bytes_of(body: dict[str, Any] | None) -> bytes:
    """What was on the wire, of a request or a reply; too big ones were not kept."""
    if body is None:
        return b""
    if "json" in body:
        return json.dumps(body["json"], separators=(",", ":"), ensure_ascii=False).encode()
    return body["text"].encode() if "text" in body else base64.b64decode(body["base64"])


def read(file: str) -> list[Any]:
    return list(json.loads((WIRE / f"{file}.json").read_text()))


def files() -> list[str]:
    """Those with HTTP exchanges."""
    return sorted(path.stem for path in WIRE.glob("*.json") if path.stem != NOT_HTTP)


ALL = [Recording(file, exchange) for file in files() for exchange in read(file)]
