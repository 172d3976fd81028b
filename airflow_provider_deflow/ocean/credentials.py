# SPDX-License-Identifier: Apache-2.0
"""Whom an asset, or one of its services, lets in: lists of addresses and of access list contracts.

Who is denied is out; where somebody is allowed, everybody else is out. By default one match denies and
all must match to allow.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# Whether an account is on the access list at an address; asks the chain.
OnList = Callable[[str, str], bool]


def grants(credentials: Any, consumer: str, on_list: OnList) -> bool:
    if not isinstance(credentials, dict):
        return True
    denied = _matches(credentials.get("deny"), consumer, on_list)
    known = [match for match in denied if match is not None]
    quantor = all if credentials.get("match_deny") == "all" else any
    if known and quantor(known):
        return False
    allowed = _matches(credentials.get("allow"), consumer, on_list)
    if not allowed:
        return True
    if credentials.get("match_allow") == "any":
        return any(allowed)
    return all(allowed)


def _matches(entries: Any, consumer: str, on_list: OnList) -> list[bool | None]:
    """One per entry; None for a kind that is not known."""
    return [_match(entry, consumer, on_list) for entry in entries or ()]


def _match(entry: dict[str, Any], consumer: str, on_list: OnList) -> bool | None:
    kind = str(entry.get("type")).lower()
    if kind == "address":
        values = [str(value).lower() for value in entry.get("values") or ()]
        return "*" in values or consumer.lower() in values
    if kind == "accesslist":
        address = entry.get("accessList")
        return bool(address) and on_list(str(address), consumer)
    return None
