# SPDX-License-Identifier: Apache-2.0
"""Why an Ocean Node said no, from its own words.

The HTTP status says little: "busy" comes as 400, a wrong drawing as 500. So the text decides, by the
table below, and the status only where the text is empty or says nothing.
"""

from __future__ import annotations

import html
import json
import re
from typing import Literal, NamedTuple

from airflow_provider_deflow.errors import (
    NonceRejected,
    OceanNodeBusy,
    OceanNodeError,
    RequestRejected,
)

Kind = Literal["busy", "nonce", "rejected"]

_MAX_WORDS = 500
_RETRY_AFTER = re.compile(r"try again in (\d+(?:\.\d+)?) seconds", re.IGNORECASE)
_SECRET = re.compile(r"0x[0-9a-fA-F]{130}|eyJ[\w-]+\.[\w-]+\.[\w-]+")


class _Rule(NamedTuple):
    pattern: str
    kind: Kind
    hint: str


_OTHER_VERSION = "Likely another version than 3.2, which DeFlow knows: *Test* of its connection says which."
_SIZE = "Ask for less, or choose another environment."

# First match wins.
_RULES = [
    _Rule("Rate limit exceeded", "busy", "It waits as long as the Ocean Node says."),
    _Rule("Too many active connections", "busy", "Too many clients use this node now; it is tried again."),
    _Rule("Not enough available ", "busy", "Other jobs use it now; it is tried again."),
    _Rule("Too many running (free )?jobs", "busy", "Other jobs must end first; it is tried again."),
    _Rule("is not a valid nonce", "nonce", "Another process signed with this wallet at the same moment."),
    _Rule(
        "nonce signature mismatch", "nonce", "Sign anew; if it stays, address and key do not belong together."
    ),
    _Rule(
        "Invalid authentication|Invalid token",
        "rejected",
        "The request needs a wallet, or a token still valid.",
    ),
    _Rule(
        '"(consumerAddress|address)" is not a valid',
        "rejected",
        "Use the wallet's address, 0x and 40 digits.",
    ),
    _Rule(
        "Invalid C2D Environment",
        "rejected",
        "The environment is gone or its id changed; choose another one.",
    ),
    _Rule(r"Not enough \S+ resources", "rejected", _SIZE),
    _Rule("No such (free )?resource|No free resources", "rejected", _SIZE),
    _Rule("Cannot satisfy constraint|does not support free jobs", "rejected", _SIZE),
    _Rule("Too much ", "rejected", _SIZE),
    _Rule("reading 'access'", "rejected", "This environment takes no free jobs; choose another one."),
    _Rule(
        "resources is not iterable",
        "rejected",
        "`resources` must be a list. This is a bug of DeFlow: report it.",
    ),
    _Rule("^Access denied", "rejected", "The environment is open to others only; choose another one."),
    _Rule("Access to .* was denied", "rejected", "Its publisher must allow this wallet."),
    _Rule("not allowed to access this bucket", "rejected", "The bucket is another wallet's, or is gone."),
    _Rule(
        "not authorized to get results",
        "rejected",
        "Only the wallet that started the job may have its results.",
    ),
    _Rule(
        "Persistent storage is not ", "rejected", "This Ocean Node has no buckets; choose another handover."
    ),
    _Rule(
        "Bucket not found|Invalid bucketId",
        "rejected",
        "The bucket is gone; DeFlow makes a new one next time.",
    ),
    _Rule(
        "File not found|Invalid fileName",
        "rejected",
        "The file is not in the bucket, or has a name it cannot have.",
    ),
    _Rule("Upload stream error", "rejected", "The upload was cut; try again."),
    _Rule(
        "Cannot find image",
        "rejected",
        "Check image and tag; the Ocean Node must reach the registry, and have a processor the image is for.",
    ),
    _Rule("Unable to extract docker image", "rejected", "The algorithm names no image; add `image`."),
    _Rule("Building image is not allowed", "rejected", "Push a built image to a registry and name it."),
    _Rule("encryptedDockerRegistryAuth", "rejected", "Correct the registry's credentials."),
    _Rule("Metadata size is too large", "rejected", "`metadata` may have 1024 characters as JSON."),
    _Rule("Invalid output|mutually exclusive", "rejected", "Correct where the outputs shall go."),
    _Rule(
        "DDO .* not found|not served by the current node",
        "rejected",
        "Check the DID; the Ocean Node may not index it.",
    ),
    _Rule("Cannot find service", "rejected", "Check the service id in the asset."),
    _Rule(
        "not allowed to run on the dataset", "rejected", "The dataset's publisher must trust the algorithm."
    ),
    _Rule("transferTxId|algorithm checksums", "rejected", "It needs an order: this is paid compute."),
    _Rule("state is different than ACTIVE", "rejected", "Its publisher ended or disabled the asset."),
    _Rule("Blockchain instance|RPC|network is not ready", "busy", "The node does not reach its chain now."),
    _Rule("Cannot find job with id", "rejected", "The job expired, or its environment was reconfigured."),
    _Rule("Job not found or not running", "rejected", "Live logs exist while the algorithm runs."),
    _Rule("Invalid result index", "rejected", "The result is not there yet."),
    _Rule(
        "Error validating the .* file|Invalid storage type|Empty file object",
        "rejected",
        "Correct the file object.",
    ),
    _Rule(
        "request entity too large",
        "rejected",
        "Inline code must be < 95 kB: give larger code as a file or by DID.",
    ),
    _Rule(
        "Missing one|Missing required|Invalid (request )?param|Invalid arg|Invalid or unrec",
        "rejected",
        _OTHER_VERSION,
    ),
    _Rule("Cannot (GET|POST|PUT|DELETE|PATCH) |Not yet implemented|SyntaxError", "rejected", _OTHER_VERSION),
]
_COMPILED = [(re.compile(rule.pattern, re.IGNORECASE), rule) for rule in _RULES]

_BUSY_STATUSES = frozenset({408, 425, 429, 502, 503, 504})
# What a node says when it does not say why.
_SPEECHLESS = frozenset({"", "{}", "internal server error"})


def words_of(body: bytes) -> str:
    """The node's sentence out of a JSON string, {"error": …}, an HTML page or plain text; no secrets."""
    text = body[:65536].decode("utf-8", "replace").strip()
    try:
        value = json.loads(text)
    except ValueError:
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
    if status in _BUSY_STATUSES or (rule and rule.kind == "busy"):
        after = _RETRY_AFTER.search(text)
        seconds = float(after.group(1)) if after else None
        hint = rule.hint if rule else "The node, or something before it, is overloaded or restarting."
        return OceanNodeBusy(f"{start}. {hint}", url=url, route=route, retry_after_seconds=seconds)
    if rule is None and status >= 500 and text.lower() in _SPEECHLESS:
        hint = "It says so for an unknown id too: check the job, and that this is its Ocean Node."
        return OceanNodeBusy(f"{start}. {hint}", url=url, route=route)
    hint = rule.hint if rule else "See the Ocean Node's documentation for what that means."
    kind = NonceRejected if rule and rule.kind == "nonce" else RequestRejected
    return kind(f"{start}. {hint}", url=url, route=route, status=status, words=text)


def is_known(text: str) -> bool:
    """Whether the table has these words, so that they are a node's own."""
    return any(pattern.search(text) for pattern, _ in _COMPILED)
