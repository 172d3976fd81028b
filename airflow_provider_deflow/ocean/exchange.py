# SPDX-License-Identifier: Apache-2.0
"""What both clients do around the wire, without the wire: requests as bytes, answers as values or
errors, and what may be sent again.

Sent again is only what cannot do harm: a route that is repeatable, or a request that the node
refused before it did anything (a nonce, the rate limit). A start whose answer is lost is never sent
again here: `OceanNodeUnreachable.may_have_arrived` tells the caller to look for its job.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import httpx
import requests
import tenacity

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import (
    NonceRejected,
    OceanNodeBusy,
    OceanNodeError,
    OceanNodeUnreachable,
    SettingsError,
    UnexpectedReply,
)
from airflow_provider_deflow.ocean import refusals, routes
from airflow_provider_deflow.ocean.routes import Route

T = TypeVar("T")

# A listing holds every job of a wallet that has not expired, about 1 kB each.
MAX_BODY_BYTES = 64 << 20
MAX_REFUSAL_BYTES = 64 << 10
# Longer than any minute's window: what still waits then is starved by other processes.
MAX_WAIT_FOR_PLACE_SECONDS = 300.0
ATTEMPTS = 4
# The first of a row that doubles, up to 8 s, each time a random part of it.
PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One request as it goes out."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


def base_url(url: str) -> str:
    """`url` without a slash at its end. Raises `SettingsError` when it is no http(s) URL of a host."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.username:
        raise SettingsError(
            f"{http.redact(url)!r} is not the URL of an Ocean Node — it must look like https://node.example:8001"
        )
    return url.strip().rstrip("/")


def state_name(url: str) -> str:
    """How a node is called in the files that processes share."""
    host = urlsplit(url).hostname or ""
    return f"{host}.{hashlib.sha256(url.encode()).hexdigest()[:12]}"


def outgoing(route: Route[Any], url: str) -> Outgoing:
    headers = {}
    body = None
    if route.body is not None:
        headers["Content-Type"] = "application/json"
        body = routes.encoded(route.body)
    if route.content is not None:
        body = route.content
    if route.has_file or route.content is not None:
        # With a JSON type the node keeps an empty file, or encrypts none, and says that all is well.
        headers["Content-Type"] = "application/octet-stream"
    if route.token is not None:
        # Raw: a node refuses "Bearer".
        headers["Authorization"] = route.token
    query = f"?{urlencode(route.query)}" if route.query else ""
    return Outgoing(route.method, f"{url}{route.path}{query}", headers, body)


def answer(route: Route[T], url: str, body: bytes | None) -> T:
    """The value in a 200's body; None stands for a body that is too large."""
    try:
        if body is None:
            raise UnexpectedReply(f"the reply is larger than {MAX_BODY_BYTES} bytes — it is not read")
        if route.reads_text:
            return route.read(body.decode())
        return route.read(json.loads(body) if body.strip() else None)
    except (ValueError, OverflowError, RecursionError):
        # Lists in lists in lists are JSON too, and deeper than anybody reads.
        error = UnexpectedReply(f"the reply is not JSON: {(body or b'')[:80]!r} — is this an Ocean Node?")
    except UnexpectedReply as found:
        error = found
    message = f"{route.name} on {url}: {error}"
    if not route.starts_a_job:
        raise UnexpectedReply(message, url=url, route=route.name) from None
    # The node took the start, so a job may be running that nobody knows the id of.
    raise OceanNodeUnreachable(message, url=url, route=route.name, may_have_arrived=True) from None


def refusal(route: Route[Any], url: str, status: int, body: bytes | None) -> OceanNodeError:
    """The error for any answer but 200."""
    words = refusals.words_of(body or b"")
    error = refusals.classify(status, words, route.name, url)
    if route.is_repeatable or refusals.is_known(words):
        return error
    # Something between us and the node gave up, maybe after the node had begun; or the node failed in a way
    # that nobody foresaw, and a paid start may have sent its lock by then.
    given_up = status >= 500 and isinstance(error, OceanNodeBusy)
    if given_up or route.command == "startCompute":
        return OceanNodeUnreachable(str(error), url=url, route=route.name, may_have_arrived=True)
    return error


def broken(
    route: Route[Any], url: str, error: requests.RequestException | httpx.HTTPError
) -> OceanNodeUnreachable:
    """The error for no answer, or half of one."""
    arrived = http.may_have_arrived(error)
    what = "it may have arrived" if arrived else "nothing was sent"
    return OceanNodeUnreachable(
        f"{route.name} on {url} got no answer — {http.explain(error)}, {what}; check that the node runs",
        url=url,
        route=route.name,
        may_have_arrived=arrived,
    )


def no_place(route: Route[Any], url: str, waited_seconds: float, needed_seconds: float) -> OceanNodeBusy:
    return OceanNodeBusy(
        f"{route.name} on {url} was not sent — other requests of this host used up the allowance for "
        f"{waited_seconds:.0f} s; run fewer jobs on this node at once, or raise requests_per_minute if it "
        "allows more",
        url=url,
        route=route.name,
        retry_after_seconds=needed_seconds,
    )


def no_signer(what: str, url: str) -> SettingsError:
    return SettingsError(f"{what} on {url} must be signed — give the client a wallet")


def may_be_sent_again(route: Route[Any], error: BaseException) -> bool:
    if isinstance(error, NonceRejected):
        return True
    if isinstance(error, OceanNodeBusy) and error.retry_after_seconds is not None and error.url:
        return True
    # Who asks for what comes late asks again by himself, when he knows that there is more to come.
    is_repeatable = route.is_repeatable and not route.answers_late
    return is_repeatable and isinstance(error, (OceanNodeBusy, OceanNodeUnreachable))


def pause_seconds(attempt: int) -> float:
    """How long to wait before trying again by hand, after so many attempts in vain."""
    return random.uniform(0, min(8.0, PAUSE_SECONDS * 2**attempt))


def repetition(route: Route[Any]) -> dict[str, Any]:
    """Arguments of tenacity's Retrying and AsyncRetrying alike."""
    return {
        "retry": tenacity.retry_if_exception(lambda error: may_be_sent_again(route, error)),
        "wait": tenacity.wait_random_exponential(multiplier=PAUSE_SECONDS, max=8),
        "stop": tenacity.stop_after_attempt(ATTEMPTS),
        "reraise": True,
    }
