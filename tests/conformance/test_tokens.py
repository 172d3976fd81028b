# SPDX-License-Identifier: Apache-2.0
"""Auth tokens: made by a signature, sent as they are, bound to nobody."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from tests.conformance.session import API, Account

PASSED = (500, "Invalid C2D Environment")
INVALID = (401, "Invalid token")


def create(who: Account, **fields: Any) -> requests.Response:
    return who.node.post(f"{API}/auth/token", {**who.signed("createAuthToken", key="address"), **fields})


def invalidate(who: Account, token: str, **fields: Any) -> requests.Response:
    signed = who.signed("invalidateAuthToken", key="address")
    return who.node.post(f"{API}/auth/token/invalidate", {**signed, "token": token, **fields})


def use(who: Account, token: str, **fields: Any) -> tuple[int, Any]:
    fields = {"nonce": None, "signature": None, **fields}
    request = who.start_request("1", environment="nowhere-0", **fields)
    reply = who.node.post(f"{API}/freeCompute", request, headers={"authorization": token})
    return reply.status_code, reply.json()


@pytest.fixture
def token(stranger: Account) -> str:
    reply = create(stranger)
    assert list(reply.json()) == ["token"]
    return str(reply.json()["token"])


def test_a_token_stands_for_a_signature(stranger: Account, token: str):
    assert token.startswith("eyJ")
    assert use(stranger, token) == PASSED


def test_a_token_is_sent_without_bearer(stranger: Account, token: str):
    assert use(stranger, f"Bearer {token}") == INVALID
    assert use(stranger, "abc.def.ghi") == INVALID


def test_a_token_is_bound_to_no_address(stranger: Account, viewer: Account, token: str):
    assert use(viewer, token) == PASSED


def test_a_token_does_not_name_the_consumer(stranger: Account, token: str):
    assert use(stranger, token, consumerAddress=None) == (
        400,
        'Parameter : "consumerAddress" is not a valid web3 address',
    )


def test_a_signature_wins_over_a_token(stranger: Account, token: str):
    assert use(stranger, token, **stranger.signed("stopCompute")) == (
        401,
        "consumer address and nonce signature mismatch",
    )


def test_a_token_ends_when_it_says(stranger: Account):
    # Where requests are counted, the next one may have to wait for a minute.
    seconds = 90 if stranger.node.met_limit else 1.5
    valid_until = time.time() + seconds
    token = create(stranger, validUntil=int(valid_until * 1000)).json()["token"]
    first = use(stranger, token)
    assert first == PASSED or time.time() > valid_until

    deadline = time.monotonic() + seconds + 60
    while use(stranger, token) != INVALID:
        assert time.monotonic() < deadline, "the token is still valid"
        stranger.node.pause()


def test_a_token_may_be_dead_or_endless_from_the_start(stranger: Account):
    past, text = create(stranger, validUntil=1000), create(stranger, validUntil="soon")

    assert (past.status_code, text.status_code) == (200, 200)
    assert use(stranger, past.json()["token"]) == INVALID
    assert use(stranger, text.json()["token"]) == PASSED


def test_a_token_needs_address_and_signature(stranger: Account, viewer: Account):
    incomplete = create(stranger, signature=None), create(stranger, address=None)
    foreign = create(stranger, signature=viewer.signed("createAuthToken", key="address")["signature"])

    for reply in incomplete:
        assert (reply.status_code, reply.json()) == (400, {"error": "Missing required parameters"})
    assert (foreign.status_code, foreign.json()) == (
        401,
        {"error": "consumer address and nonce signature mismatch"},
    )


def test_an_invalidated_token_is_dead_and_it_stays_so(stranger: Account, token: str):
    assert [invalidate(stranger, token).json() for _ in range(2)] == [{"success": True}] * 2
    assert use(stranger, token) == INVALID


def test_anybody_may_invalidate_a_token(stranger: Account, viewer: Account, token: str):
    signature = viewer.signed("invalidateAuthToken", key="address")["signature"]

    assert invalidate(stranger, token, signature=signature).json() == {"success": True}
    assert use(stranger, token) == INVALID
    assert invalidate(stranger, "a.b.c").json() == {"success": True}
