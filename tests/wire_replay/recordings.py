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
    def is_start(self) -> bool:
        paths = ("/api/services/freeCompute", "/api/services/compute")
        return self.request["method"] == "POST" and self.request["path"] in paths

    @property
    def is_look(self) -> bool:
        """GET of the status of one job."""
        request = self.request
        return (
            (request["method"], request["path"]) == ("GET", "/api/services/compute")
            and self.status == 200
            and "jobId" in self.asked
            and len(self.reply["json"]) == 1
        )

    @property
    def job_id(self) -> str:
        """The bare id of the job that was started or is asked for, empty when it is about none."""
        if self.is_start and self.status == 200:
            return str(self.reply["json"][0]["jobId"]).split("-")[-1]
        return str(self.asked.get("jobId", "")).split("-")[-1]

    @property
    def status_of_job(self) -> int | None:
        """Of the one job in the reply."""
        told = self.reply.get("json")
        is_job = isinstance(told, list) and len(told) == 1 and isinstance(told[0], dict)
        return told[0].get("status") if is_job else None

    @property
    def is_whole(self) -> bool:
        return "head_base64" not in self.reply

    @property
    def head(self) -> bytes:
        """The first bytes of a body that was too big to keep."""
        return base64.b64decode(self.reply["head_base64"])[: self.reply["length"]]

    @property
    def body(self) -> bytes:
        """The reply's bytes as they came."""
        return bytes_of(self.exchange["response"]["body"])


def bytes_of(body: dict[str, Any] | None) -> bytes:
    """What was on the wire, of a request or a reply; of one too big the start is true, the rest is blank."""
    if body is None:
        return b""
    if "head_base64" in body:
        return base64.b64decode(body["head_base64"])[: body["length"]].ljust(body["length"])
    if "json" in body:
        return json.dumps(body["json"], separators=(",", ":"), ensure_ascii=False).encode()
    return body["text"].encode() if "text" in body else base64.b64decode(body["base64"])


def read(file: str) -> list[Any]:
    return list(json.loads((WIRE / f"{file}.json").read_text()))


def files() -> list[str]:
    """Those with HTTP exchanges."""
    return sorted(path.stem for path in WIRE.glob("*.json") if path.stem != NOT_HTTP)


ALL = [Recording(file, exchange) for file in files() for exchange in read(file)]
