# SPDX-License-Identifier: Apache-2.0
"""Reading the fields of an Ocean Node's JSON, once, at the edge.

Unknown fields are ignored. A field that is needed and is missing or misshapen is an
`UnexpectedReply` that names it; the client adds which node and route it came from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from airflow_provider_deflow.errors import UnexpectedReply

Reply = Mapping[str, Any]


def unexpected(what: str, found: object) -> UnexpectedReply:
    return UnexpectedReply(
        f"the Ocean Node's reply is not understood: {what}, found {type(found).__name__} {str(found)[:80]!r} "
        "— likely another version than 3.2, which DeFlow knows; *Test* of its connection says which"
    )


def as_object(value: object, what: str) -> Reply:
    if not isinstance(value, Mapping):
        raise unexpected(f"{what} must be an object", value)
    return value


def as_list(value: object, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise unexpected(f"{what} must be a list", value)
    return value


def text(reply: Reply, field: str) -> str:
    value = reply.get(field)
    if not isinstance(value, str) or not value:
        raise unexpected(f"{field!r} must be a text", value)
    return value


def integer(reply: Reply, field: str) -> int:
    value = reply.get(field)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    # What is too large for a float, as 1e999, is read as infinity, which is not whole either.
    if isinstance(value, float) and value.is_integer():
        return int(value)
    raise unexpected(f"{field!r} must be a whole number", value)


def number(reply: Reply, field: str, default: float) -> float:
    """A quantity; nodes leave some out, and some amounts come back as the text they were sent as."""
    value = reply.get(field)
    if value is None:
        return default
    try:
        found = float(value)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if not math.isfinite(found):
        raise unexpected(f"{field!r} must be a number", value)
    return found


def moment(reply: Reply, field: str) -> datetime | None:
    """ "1795289296.051", seconds as text, becomes a datetime; null, "0" and no field at all are None."""
    value = reply.get(field)
    if value in (None, "", "0", 0):
        return None
    try:
        return datetime.fromtimestamp(float(str(value)), UTC)
    except (ValueError, OverflowError, OSError):
        raise unexpected(f"{field!r} must be a time in seconds", value) from None


def base_units(reply: Reply, field: str) -> int:
    """An amount of money: a text of digits. A number is taken only as long as it is exact."""
    value = reply.get(field)
    if isinstance(value, str) and value.isdecimal() and value.isascii():
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53:
        return value
    raise unexpected(f"{field!r} must be an amount in base units, a text of digits", value)
