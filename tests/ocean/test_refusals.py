# SPDX-License-Identifier: Apache-2.0
"""What an Ocean Node's no means: each recorded one of the free path, and texts known from its source."""

from __future__ import annotations

import pytest

from airflow_provider_deflow.errors import NonceRejected, OceanNodeBusy, PaymentRefused, RequestRejected
from airflow_provider_deflow.ocean.refusals import classify, is_known, words_of
from tests.ocean.conftest import WIRE

FREE_PATH = (
    "free-start",
    "auth",
    "auth-tokens",
    "buckets",
    "results",
    "stop",
    "node",
    "queue",
    "live-logs",
    "status-list",
)

# All that are not a plain rejection.
BUSY = {
    "busy": "Other jobs use it now",
    "busy-globally": "Other jobs use it now",
    "queue-too-many": "Other jobs use it now",
    "too-many-free": "Other jobs must end first",
    "rate-limit-4": "waits as long as the Ocean Node says",
    "rate-limit-hit": "waits as long as the Ocean Node says",
    "rate-limit-direct": "waits as long as the Ocean Node says",
    "stop-unknown-cluster": "an unknown id too",
    "stop-bare-id": "an unknown id too",
    "stop-no-auth": "an unknown id too",
    "status-unknown-cluster": "an unknown id too",
    "status-nothing": "an unknown id too",
    "list-bad-address": "an unknown id too",
    "no-db-query": "an unknown id too",
    "no-db-state": "no index",
    "no-db-escrow-events": "no index",
}
NONCE = {
    "auth-other-signer",
    "auth-sig-without-0x",
    "auth-sig-garbage",
    "auth-nonce-lower",
    "auth-nonce-zero",
    "auth-plain-text",
    "auth-after-max",
    "auth-result-mismatch",
    "token-create-bad-signature",
    "token-bad-sig-wins",
    "bucket-create-bad-signature",
}
HINTS = {
    "env-unknown-id": "choose another one",
    "env-paid-only": "takes no free jobs",
    "env-walled": "open to others only",
    "resources-too-many": "Ask for less",
    "image-unknown": "the Ocean Node must reach the registry",
    "image-missing": "the Ocean Node must reach the registry",
    "algorithm-no-meta": "add `image`",
    "body-too-large": "< 95 kB",
    "bucket-foreign": "another wallet's",
    "build-not-allowed": "Push a built image",
    "dataset-unknown-did": "Check the DID",
    "no-db-bucket-start": "no buckets",
    "result-unknown-job": "expired",
    "result-owner-lowercase": "Only the wallet that started the job",
    "token-use-expired": "still valid",
    "unknown-route": "another version",
    "logs-after-end": "while the algorithm runs",
}


def refusals(recorded):
    for file in FREE_PATH:
        for exchange in recorded.all(file):
            if exchange["response"]["status"] >= 400:
                yield file, exchange


def test_every_recorded_refusal_has_its_class(recorded):
    seen = set()
    for file, exchange in refusals(recorded):
        name, status = exchange["name"], exchange["response"]["status"]
        error = classify(status, words_of(recorded.body(file, name)), "a route", "http://node.test:8001")
        expected = OceanNodeBusy if name in BUSY else NonceRejected if name in NONCE else RequestRejected
        assert type(error) is expected, (name, str(error))
        assert BUSY.get(name, HINTS.get(name, "")) in str(error), (name, str(error))
        seen.add(name)
    assert set(BUSY) | set(NONCE) | set(HINTS) <= seen


def test_every_recorded_refusal_is_known_by_its_words(recorded):
    """Only what says nothing at all is judged by its status."""
    speechless = {"Internal Server Error", "{}"}
    for file in sorted(path.stem for path in WIRE.glob("*.json") if path.stem != "chain"):
        for exchange in recorded.all(file):
            if exchange["response"]["status"] >= 400:
                words = words_of(recorded.body(file, exchange["name"]))
                assert is_known(words) or words in speechless, (exchange["name"], words)


# Of the node's source and the paid path; a free job can meet them too.
OTHER_TEXTS = [
    (400, "Not enough available ram", OceanNodeBusy),
    (400, "Not enough available cpu for free", OceanNodeBusy),
    (400, "Too many running jobs ", OceanNodeBusy),
    (403, "Too many active connections (31/30) in the last minute.", OceanNodeBusy),
    (400, "Cannot satisfy constraint: 1 gpu requires at least 4 cpu, but max is 2", RequestRejected),
    (400, "Error: No such free resource gpu", RequestRejected),
    (400, "Error: This env does not support free jobs", RequestRejected),
    (400, "Invalid maxJobDuration", RequestRejected),
    (500, "Metadata size is too large", RequestRejected),
    (400, "Algorithm undefined not allowed to run on the dataset: did:op:00", RequestRejected),
    (403, "Error: Access to asset did:op:00 was denied", RequestRejected),
    (403, "Error: Access to service with id s was denied", RequestRejected),
    (500, "Cannot find service s in DDO did:op:00", RequestRejected),
    (500, "Missing transferTxId for DDO did:op:00", PaymentRefused),
    (500, "Tx id used not valid, one of: Tx id used not valid", PaymentRefused),
    (
        400,
        "No escrow auths found for: chain=8996, token=0x, payer=0x, nodeAddress=0x. Found 0 authorizations.",
        PaymentRefused,
    ),
    (400, "No valid escrow auths found(will go over limit)", PaymentRefused),
    (400, "No valid escrow auths found(maxLockSeconds too low)", PaymentRefused),
    (400, "Invalid payment options", PaymentRefused),
    (
        400,
        "Node insufficient gas funds. If you are the node owner, please add gas",
        RequestRejected,
    ),
    (400, "Not enough available cpu globally (remaining: 0, requested: 1)", OceanNodeBusy),
    (403, "Compute jobs are not enabled on this environment", RequestRejected),
    (
        500,
        "Failed to retrieve algorithm checksums. Both container and files checksums are required.",
        RequestRejected,
    ),
    (500, "Persistent storage is not configured or disabled", RequestRejected),
    (403, "Unauthorized request", RequestRejected),
    (500, "something nobody has heard of", RequestRejected),
    (418, "", RequestRejected),
    (502, "<html><body>Bad Gateway</body></html>", OceanNodeBusy),
    (503, "", OceanNodeBusy),
    (504, "", OceanNodeBusy),
    (500, "", OceanNodeBusy),
]


@pytest.mark.parametrize(
    ("status", "text", "kind"), OTHER_TEXTS, ids=[text[:40] or str(s) for s, text, _ in OTHER_TEXTS]
)
def test_other_texts_have_their_class(status, text, kind):
    assert type(classify(status, text, "start", "http://n")) is kind


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Rate limit exceeded. Try again in 56 seconds.", 56),
        ("Rate limit exceeded.", None),
        ("Try again in x seconds", None),
    ],
)
def test_a_429_says_how_long(text, seconds):
    assert classify(429, text, "status", "http://n").retry_after_seconds == seconds


def test_a_message_says_what_happened_to_what_and_what_to_do():
    error = classify(400, "Invalid C2D Environment", "start a free job", "http://n:8001")
    assert str(error) == (
        "start a free job on http://n:8001 was answered with 400 — 'Invalid C2D Environment'. "
        "The environment is gone or its id changed; choose another one."
    )
    assert (error.status, error.words, error.route, error.url) == (
        400,
        "Invalid C2D Environment",
        "start a free job",
        "http://n:8001",
    )


def test_the_stack_trace_of_a_page_is_left_out(recorded):
    assert (
        words_of(recorded.body("free-start", "body-too-large"))
        == "PayloadTooLargeError: request entity too large"
    )


def test_signatures_and_tokens_are_left_out():
    body = f'"bad 0x{"ab" * 65} or eyJhbGciOiJI.eyJhZGRy.c03w"'.encode()
    assert words_of(body) == "bad … or …"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", ""),
        (b"{}", "{}"),
        (b'"text"', "text"),
        (b'{"error":"why"}', "why"),
        (b"plain", "plain"),
        (b"[1, 2]", "[1, 2]"),
        (b"\xff\xfe", "��"),
        (b"x" * 600, "x" * 500 + "…"),
    ],
)
def test_words_come_out_of_any_body(body, words):
    assert words_of(body) == words
