# SPDX-License-Identifier: Apache-2.0
"""Which version an Ocean Node is, and the one place that knows what differs between two of them.

Known are the lines 3 and 4. Any other is treated as the nearest of them, and `remark` says so. What
needs no question here, because one form serves both:

* Paths are fixed; from 4 on `GET /` lists none any more, and nothing here ever asked it for them.
* Times asked by are whole epoch seconds as text: 3 compares texts, 4 understands them too.
* Addresses go out as EIP-55, which 3 needs and 4 makes of any.
* `ComputeEnvironment` takes the features of an environment as it finds them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from airflow_provider_deflow.ocean import fields, routes
from airflow_provider_deflow.ocean.routes import Route

_OLDEST, _NEWEST = 3, 4


@dataclass(frozen=True, slots=True)
class NodeVersion:
    """The version a node announces; `peer_id` names the node, `public_key` is its key, compressed."""

    text: str
    peer_id: str
    public_key: bytes

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "the status")
        return cls(
            text=fields.text(reply, "version"),
            peer_id=str(reply.get("id") or ""),
            public_key=_hex(reply, "publicKey"),
        )

    @property
    def major(self) -> int | None:
        """None when the node announces no number."""
        found = re.match(r"v?(\d+)\.", self.text)
        return int(found.group(1)) if found else None

    @property
    def line(self) -> int:
        """The known line of versions that it is treated as."""
        return _OLDEST if self.major is None else min(max(self.major, _OLDEST), _NEWEST)

    @property
    def remark(self) -> str:
        """What to tell a user about it; empty for a version that DeFlow knows."""
        if self.major == self.line:
            return ""
        return (
            f"This Ocean Node is version {self.text}, which DeFlow does not know: it is treated as "
            f"{self.line}. Replies that are not understood are likely because of that."
        )

    @property
    def binds_tokens(self) -> bool:
        """A token counts for the wallet that asked for it only, and names the node that gave it."""
        return self.line >= 4

    @property
    def measures_jobs(self) -> bool:
        """The owner of a running job can ask what it uses (`runtimeMetrics`)."""
        return self.line >= 4

    def token_suffixes(self) -> tuple[str, str]:
        """What is signed behind the command of a token's creation: this version's way, then the other.

        The other is there for releases on the way to 4, which announce 3.2.0 and ask for the new way.
        """
        return (self.peer_id, "") if self.binds_tokens else ("", self.peer_id)


def probe() -> Route[NodeVersion]:
    """Unsigned, and true: the version in `GET /` is the same for all nodes."""
    return routes.command({"command": "status"}, NodeVersion.from_reply)


def public_key() -> Route[bytes]:
    """The node's key, compressed, from `GET /`: what is encrypted for the node is encrypted for it."""

    def read(reply: Any) -> bytes:
        key = routes.an_object(reply).get("nodePublicKey")
        # Sent as an object with a member for each byte.
        numbers = list(key.values()) if isinstance(key, Mapping) else key
        try:
            return _checked(bytes(numbers))  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise fields.unexpected("'nodePublicKey' must be 33 bytes", key) from None

    return routes.get("public key", "/", read)


def _hex(reply: fields.Reply, field: str) -> bytes:
    try:
        return _checked(bytes.fromhex(str(reply.get(field) or "")))
    except ValueError:
        raise fields.unexpected(f"{field!r} must be a key in hex", reply.get(field)) from None


def _checked(key: bytes) -> bytes:
    if len(key) != 33 or key[0] not in (2, 3):
        raise ValueError(key)
    return key
