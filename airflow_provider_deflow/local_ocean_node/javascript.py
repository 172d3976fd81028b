# SPDX-License-Identifier: Apache-2.0
"""The few rules of JavaScript that show on the wire.

A real Ocean Node is a Node.js program: what counts as missing, how a number or an object turns into
text and how JSON is written down are visible in its replies and in an algorithm's environment.
"""

from __future__ import annotations

import json
import math
import re
import time
from decimal import Decimal
from typing import Any

# Python's words for a mistake in JSON → V8's.
_EXPECTED = {
    "Expecting ':' delimiter": "Expected ':' after property name",
    "Expecting property name": "Expected property name or '}'",
    "Extra data": "Unexpected non-whitespace character after JSON",
}

# How ethers, the node's chain library, ends what it says of a malformed address.
INVALID_ARGUMENT = "code=INVALID_ARGUMENT, version=6.16.0"


def or_null(value: Any) -> Any:
    """`value || null`: empty text, 0 and false become null; empty objects and lists stay."""
    if value is None or value is False or value == "" or (isinstance(value, (int, float)) and value == 0):
        return None
    return value


def as_text(value: Any) -> str:
    """`String(value)`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _number_text(value)
    if isinstance(value, list):
        return ",".join("" if item is None else as_text(item) for item in value)
    if isinstance(value, dict):
        return "[object Object]"
    return str(value)


def _number_text(number: float) -> str:
    """The fewest digits that give the number again; an exponent before a millionth and from 10²¹ on."""
    if math.isnan(number):
        return "NaN"
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    if number.is_integer() and abs(number) < 1e21:
        return str(int(number))
    if 1e-6 <= abs(number) < 1e-4:
        return f"{Decimal(repr(number)):f}"
    return re.sub(r"e([+-])0+", r"e\1", repr(number))


def as_number(value: Any) -> float:
    """`Number(value)` as comparisons use it; text that is no number is NaN, which no comparison holds for."""
    if isinstance(value, (int, float)):
        try:
            return float(value)
        except OverflowError:
            return math.inf if value > 0 else -math.inf
    if isinstance(value, str):
        try:
            return float(value.strip() or 0)
        except ValueError:
            return math.nan
    if isinstance(value, list):
        return as_number(as_text(value))
    return 0.0 if value is None else math.nan


def plus(left: Any, right: Any) -> Any:
    """`left + right`: text is put together, numbers are added."""
    if isinstance(left, (str, list, dict)) or isinstance(right, (str, list, dict)):
        return as_text(left) + as_text(right)
    return left + right


def parse_int(value: Any) -> int | None:
    """`parseInt(value)`: the leading digits, rounded as a double is; None stands for NaN and Infinity."""
    found = re.match(r"\s*([+-]?\d+)", as_text(value))
    number = float(found[1]) if found else math.nan
    return int(number) if math.isfinite(number) else None


def dumps(value: Any) -> str:
    """`JSON.stringify(value)`."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def parse_json(text: str) -> Any:
    """`JSON.parse(text)`; `ValueError` with V8's words for the common mistakes."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise ValueError(_mistake(text, error)) from error


def _mistake(text: str, error: json.JSONDecodeError) -> str:
    position = error.pos
    expected = next((words for said, words in _EXPECTED.items() if error.msg.startswith(said)), None)
    if expected:
        return f"{expected} in JSON at position {position}"
    while text[position : position + 1].isspace():
        position += 1
    # Literals are read letter by letter.
    literal = next((one for one in ("true", "false", "null") if one[0] == text[position : position + 1]), "")
    while literal and text[position : position + 1] == literal[0]:
        position, literal = position + 1, literal[1:]
    if position >= len(text):
        return "Unexpected end of JSON input"
    return f"Unexpected token '{text[position]}', \"{text}\" is not valid JSON"


def _no_constant(constant: str) -> Any:
    raise json.JSONDecodeError("Expecting value", constant, 0)


def now_text() -> str:
    """`String(Date.now() / 1000)`: seconds with up to three decimals, trailing zeros dropped."""
    return seconds_text(time.time())


def seconds_text(seconds: float) -> str:
    return as_text(math.floor(seconds * 1000) / 1000)


def bytes_of_hex(value: Any) -> bytes:
    """`Buffer.from(value, "hex")`: up to what is no pair of digits; `TypeError` with Node.js's words."""
    if isinstance(value, str):
        digits = re.match(r"(?:[0-9a-fA-F]{2})*", value)
        return bytes.fromhex(digits[0] if digits else "")
    if isinstance(value, list):
        return bytes(int(item) & 255 if isinstance(item, (int, float)) else 0 for item in value)
    received = "an instance of Object" if isinstance(value, dict) else _received(value)
    raise TypeError(
        "The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an "
        f"Array-like Object. Received {received}"
    )


def _received(value: Any) -> str:
    kind = "boolean" if isinstance(value, bool) else "number"
    return f"type {kind} ({as_text(value)})"
