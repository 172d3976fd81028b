# SPDX-License-Identifier: Apache-2.0
"""Text that a run may vary: `{{ params.x }}`, `{{ ds }}`, `{{ ts }}`, `{{ run_id }}`, and nothing else.

No filters, no expressions, no attributes of values: a graph author is not a Dag author. A name that
is none of these is a problem of the drawing (`names_in` finds it); at run time it stays as it stands.
What is filled in is not looked at again, so a parameter's value cannot bring a template in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

RUN_NAMES = frozenset({"ds", "ts", "run_id"})
PARAMS = "params."

_TEMPLATE = re.compile(r"\{\{\s*(.*?)\s*\}\}")


def names_in(text: str) -> list[str]:
    """What stands between `{{` and `}}`, in order: `["params.x", "ds"]`."""
    return _TEMPLATE.findall(text) if "{{" in text else []


def render(text: str, values: Mapping[str, object]) -> str:
    """`text` with its names filled in from `values`: `{"params": {"x": 0.5}, "ds": "2026-01-31", …}`.

    Text goes in as it is, any other value as JSON. Never raises for what the text says.
    """
    if "{{" not in text:
        return text
    return _TEMPLATE.sub(lambda match: _value(match, values), text)


def _value(match: re.Match[str], values: Mapping[str, object]) -> str:
    name = match[1]
    found: object = None
    if name in RUN_NAMES:
        found = values.get(name)
    elif name.startswith(PARAMS):
        params = values.get("params")
        found = params.get(name.removeprefix(PARAMS)) if isinstance(params, Mapping) else None
    if found is None:
        return match[0]
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
