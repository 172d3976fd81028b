# SPDX-License-Identifier: Apache-2.0
"""One problem of a graph, and how its place in the document is written."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass

DOCUMENT = "document"

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing to put right; `where` is a node's id, an edge's id, or a path in the document."""

    code: str
    where: str
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message} [{self.code}]"


def path(location: Iterable[object]) -> str:
    """`nodes[2].data["odd key"]` for `("nodes", 2, "data", "odd key")`."""
    parts: list[str] = []
    for key in location:
        if isinstance(key, int):
            parts.append(f"[{key}]")
        elif isinstance(key, str) and _PLAIN_KEY.fullmatch(key):
            parts.append(f".{key}" if parts else key)
        else:
            parts.append(f"[{json.dumps(str(key))}]")
    return "".join(parts) or DOCUMENT
