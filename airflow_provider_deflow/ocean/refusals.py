# SPDX-License-Identifier: Apache-2.0
"""Why an Ocean Node said no, from its own words.

The HTTP status says little: "busy" comes as 400, a wrong drawing as 500. So the text decides, by the
table in `refusal_words`, and the status only where the text is empty or says nothing.
"""

from __future__ import annotations

import html
import json
import re

from airflow_provider_deflow.errors import (
    NonceRejected,
    OceanNodeBusy,
    OceanNodeError,
    PaymentRefused,
    RequestRejected,
)
from airflow_provider_deflow.ocean.refusal_words import RULES, Kind

_MAX_WORDS = 500
_RETRY_AFTER = re.compile(r"try again in (\d+(?:\.\d+)?) seconds", re.IGNORECASE)
_SECRET = re.compile(r"0x[0-9a-fA-F]{130}|eyJ[\w-]+\.[\w-]+\.[\w-]+")
_COMPILED = [(re.compile(rule.pattern, re.IGNORECASE), rule) for rule in RULES]

_ERRORS: dict[Kind, type[RequestRejected]] = {
    "nonce": NonceRejected,
    "money": PaymentRefused,
    "rejected": RequestRejected,
}
_BUSY_STATUSES = frozenset({408, 425, 429})
# The last that a node itself answers with; what is above comes from something before it.
_NODES_LAST_STATUS = 501
# What a node says when it does not say why.
_SPEECHLESS = frozenset({"", "{}", "internal server error"})


def words_of(body: bytes) -> str:
    """The node's sentence out of a JSON string, {"error": …}, an HTML page or plain text; no secrets."""
    text = body[:65536].decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = text
    if isinstance(value, dict) and value:
        value = value.get("error") or value.get("message") or text
    if not isinstance(value, str):
        value = text
    page = re.search(r"<pre>(.*?)(?:<br>|</pre>)", value, re.DOTALL)
    if page:
        # The rest of the page is a stack trace with the paths of the node's machine.
        value = html.unescape(page.group(1))
    value = _SECRET.sub("…", " ".join(value.split()))
    return value if len(value) <= _MAX_WORDS else value[:_MAX_WORDS] + "…"


def classify(status: int, text: str, route: str, url: str = "") -> OceanNodeError:
    """The error for a refusal; `text` is the node's sentence, `url` the node."""
    rule = next((rule for pattern, rule in _COMPILED if pattern.search(text)), None)
    said = f"— {text!r}" if text else "— it gave no reason"
    start = f"{route} on {url or 'the Ocean Node'} was answered with {status} {said}"
    if (rule is None and _is_of_a_proxy(status, text)) or (rule and rule.kind == "busy"):
        after = _RETRY_AFTER.search(text)
        seconds = float(after.group(1)) if after else None
        hint = rule.hint if rule else "The node, or something before it, is overloaded or restarting."
        return OceanNodeBusy(f"{start}. {hint}", url=url, route=route, retry_after_seconds=seconds)
    if rule is None and status >= 500 and text.lower() in _SPEECHLESS:
        hint = "It says so for an unknown id too: check the job, and that this is its Ocean Node."
        return OceanNodeBusy(f"{start}. {hint}", url=url, route=route)
    hint = rule.hint if rule else "See the Ocean Node's documentation for what that means."
    return _ERRORS[rule.kind if rule else "rejected"](
        f"{start}. {hint}", url=url, route=route, status=status, words=text
    )


def _is_of_a_proxy(status: int, text: str) -> bool:
    """Whether something between us and the node says that it could not ask it, or lost its answer."""
    return status in _BUSY_STATUSES or status > _NODES_LAST_STATUS or (status == 500 and text.startswith("<"))


def is_known(text: str) -> bool:
    """Whether the table has these words, so that they are a node's own."""
    return any(pattern.search(text) for pattern, _ in _COMPILED)
