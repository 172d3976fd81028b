# SPDX-License-Identifier: Apache-2.0
"""What one call to a local Ocean Node must not lead to."""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests

from tests.fuzz.calls import Call
from tests.fuzz.nodes import SECONDS, Fuzzed, ends_a_real_node


class Finding(AssertionError):
    """`key` is the same for the same fault met again."""

    def __init__(self, key: str, detail: str) -> None:
        super().__init__(f"{key}\n  {detail}")
        self.key = key


class Errors(logging.Handler):
    """What the node and its web server log as errors: exceptions that nobody thought of."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.seen: list[str] = []
        self._arrived = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(self.format(record).strip().splitlines()[-1])
        self._arrived.set()

    def clear(self) -> None:
        self.seen.clear()
        self._arrived.clear()

    def wait(self) -> None:
        """An exception is logged just after its 500 has gone out; most are none."""
        self._arrived.wait(0.05)


@contextmanager
def errors_of_the_node() -> Iterator[Errors]:
    errors = Errors()
    loggers = [logging.getLogger(name) for name in ("uvicorn.error", "airflow_provider_deflow", "asyncio")]
    for logger in loggers:
        logger.addHandler(errors)
    try:
        yield errors
    finally:
        for logger in loggers:
            logger.removeHandler(errors)


def try_call(call: Call, local: Fuzzed, errors: Errors, real: Fuzzed | None) -> None:
    """Raises `Finding`."""
    errors.clear()
    where = f"{call.method} {re.sub(r'<[a-z]+>|0x[0-9a-fA-F]+', '…', call.path)}"
    told = f"{call.name} query={call.query} body={str(call.body)[:600]} type={call.content_type}"
    try:
        ours = local.send(call)
    except requests.RequestException as error:
        raise Finding(f"{where}: no answer in {SECONDS} s ({type(error).__name__})", told) from error
    if ours.content == b"Internal Server Error":
        errors.wait()
    if errors.seen:
        raise Finding(f"{where}: exception {errors.seen[-1]}", told)
    if real is None or ends_a_real_node(call):
        return
    try:
        theirs = real.send(call)
    except requests.RequestException as error:
        # The real one hung or hung up: whatever ours said is better, as long as there is one to compare with.
        try:
            real.node.get("/")
        except requests.RequestException:
            raise SystemExit(f"the real node is gone after {told}") from error
        return
    if ours.status_code != theirs.status_code and not _depends_on_the_node(call, ours, theirs):
        kind = "5xx that the real one has not" if ours.status_code >= 500 else "another status"
        answers = f"{ours.status_code} {_words(ours)} — real {theirs.status_code} {_words(theirs)}"
        raise Finding(f"{where}: {kind}: {answers}", told)


# What two nodes that behave alike may still answer differently.
_OF_ONE_NODE = re.compile(
    # how busy it is; whose key something was encrypted for; which URLs its owner forbids
    "Not enough available|Too many running|Unsupported state or unable|failed to parse JSON|marked as unsafe"
)
# What is in its index, and how a stand-in for a data base searches there.
_INDEX = re.compile("/api/aquarius/|/escrow/events|/accesslists")


def _depends_on_the_node(call: Call, *replies: requests.Response) -> bool:
    told = any(_OF_ONE_NODE.search(reply.content.decode("utf-8", "replace")) for reply in replies)
    of_an_asset = any("documentId" in str(part) for part in (call.query, call.body))
    # What is indexed may differ; a failure of ours alone may not.
    both_answer = all(reply.status_code < 500 for reply in replies)
    return told or (both_answer and (of_an_asset or bool(_INDEX.search(call.path))))


def _words(reply: requests.Response) -> str:
    text = reply.content[:160].decode("utf-8", "replace")
    return repr(re.sub(r"0x[0-9a-fA-F]{6,}|[0-9a-f]{16,}|\d{6,}|a{20,}", "…", text)[:100])
