# SPDX-License-Identifier: Apache-2.0
"""Signatures, nonces and tokens.

An unknown environment makes the calls cheap: `Invalid C2D Environment` says that authentication passed.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from airflow_provider_deflow.signing import keccak
from tests.local_ocean_node.running import (
    Consumer,
    consumer,
    fast,
    next_nonce,
    recordings,
    running_ocean_node,
    shape,
)

PASSED = (500, "Invalid C2D Environment")
MISMATCH = (401, "consumer address and nonce signature mismatch")
MISSING = (
    401,
    "Invalid authentication, you need to provide either a token or an address, signature, message and nonce",
)


def knock(who: Consumer, *, token: str | None = None, **fields: Any) -> tuple[int, Any]:
    """A start in an environment that does not exist."""
    request = {"algorithm": {"meta": {}}, "datasets": [], "environment": "nowhere-0", **fields}
    headers = {"authorization": token} if token else {}
    reply = requests.post(f"{who.url}/api/services/freeCompute", json=request, headers=headers)
    return reply.status_code, reply.json()


def nonce(who: Consumer, address: str) -> str:
    return str(who.get("/api/services/nonce", userAddress=address).json()["nonce"])


def test_a_signature_over_the_hash_passes(alice: Consumer):
    assert knock(alice, **alice.signed("freeStartCompute")) == PASSED


def test_a_signature_over_the_text_of_the_hash_passes_too(alice: Consumer):
    number = next_nonce()
    text = "0x" + keccak(f"{alice.address}{number}freeStartCompute".encode()).hex()

    signature = alice.signer.sign_message(text.encode())

    assert knock(alice, consumerAddress=alice.address, nonce=str(number), signature=signature) == PASSED


@pytest.mark.parametrize("missing", ["signature", "nonce"])
def test_without_a_part_of_it_there_is_no_authentication(alice: Consumer, missing: str):
    signed = alice.signed("freeStartCompute")
    del signed[missing]

    assert knock(alice, **signed) == MISSING


def test_without_an_address_the_request_is_not_looked_at(alice: Consumer):
    assert knock(alice) == (400, 'Parameter : "consumerAddress" is not a valid web3 address')


def test_an_address_with_a_wrong_checksum_is_none(alice: Consumer):
    swapped = alice.address[:2] + alice.address[2:].swapcase()

    assert knock(alice, consumerAddress=swapped) == (
        400,
        'Parameter : "consumerAddress" is not a valid web3 address',
    )


@pytest.mark.parametrize("signature", ["hello", "0x12"])
def test_a_malformed_signature_is_a_mismatch(alice: Consumer, signature: str):
    assert knock(alice, **{**alice.signed("freeStartCompute"), "signature": signature}) == MISMATCH


def test_a_signature_without_0x_is_a_mismatch(alice: Consumer):
    signed = alice.signed("freeStartCompute")

    assert knock(alice, **{**signed, "signature": signed["signature"][2:]}) == MISMATCH


def test_a_signature_for_another_command_is_a_mismatch(alice: Consumer):
    assert knock(alice, **alice.signed("stopCompute")) == MISMATCH


def test_another_accounts_signature_is_a_mismatch(alice: Consumer, bob: Consumer):
    assert knock(alice, **{**bob.signed("freeStartCompute"), "consumerAddress": alice.address}) == MISMATCH


def test_a_signature_over_the_plain_message_is_a_mismatch(alice: Consumer):
    number = next_nonce()
    signature = alice.signer.sign_message(f"{alice.address}{number}freeStartCompute".encode())

    assert knock(alice, consumerAddress=alice.address, nonce=str(number), signature=signature) == MISMATCH


def test_one_good_signature_in_256_is_refused(alice: Consumer):
    number = next_nonce()
    while keccak(f"{alice.address}{number}freeStartCompute".encode())[0]:
        number = next_nonce()

    assert knock(alice, **alice.signed("freeStartCompute", nonce=number)) == MISMATCH


def test_a_nonce_must_grow_and_a_refused_call_does_not_consume_it(alice: Consumer):
    signed = alice.signed("freeStartCompute")
    wrong = {**signed, "signature": alice.signed("stopCompute")["signature"]}

    assert knock(alice, **wrong) == MISMATCH
    assert knock(alice, **signed) == PASSED
    assert knock(alice, **signed) == (401, f"nonce: {signed['nonce']} is not a valid nonce")
    assert nonce(alice, alice.address) == signed["nonce"]
    assert knock(alice, **alice.signed("freeStartCompute", nonce=5)) == (
        401,
        "nonce: 5 is not a valid nonce",
    )


def test_a_nonce_may_be_a_number(alice: Consumer):
    signed = alice.signed("freeStartCompute")

    assert knock(alice, **{**signed, "nonce": int(signed["nonce"])}) == PASSED


def test_another_spelling_of_an_address_has_nonces_of_its_own(alice: Consumer):
    lower = alice.address.lower()
    signed = alice.signed("freeStartCompute", nonce=next_nonce(), address=lower)
    while knock(alice, **signed) == MISMATCH:
        signed = alice.signed("freeStartCompute", nonce=next_nonce(), address=lower)

    assert nonce(alice, lower) == signed["nonce"]
    assert nonce(alice, alice.address) != signed["nonce"]


def test_the_largest_nonce_locks_an_address_out(node_url: str):
    locked_out = consumer(node_url, 4)

    def knock_with(number: int) -> tuple[int, Any]:
        return knock(locked_out, **locked_out.signed("freeStartCompute", nonce=number))

    assert knock_with(2**53 - 1) == PASSED
    # Beyond 2^53 the number is rounded before it is checked.
    assert knock_with(2**53 + 1) == MISMATCH
    assert knock_with(1_795_000_000_000) == (401, "nonce: 1795000000000 is not a valid nonce")


@pytest.mark.parametrize("address", ["0x9eF6c02FB2ECc446146E05F1fF687a788a8BF76d", "garbage"])
def test_the_nonce_of_anything_unknown_is_0(alice: Consumer, address: str):
    assert alice.get("/api/services/nonce", userAddress=address).text == '{"nonce":"0"}'


def test_the_nonce_command_answers_in_plain_text(alice: Consumer):
    reply = alice.direct("nonce", address="0x9eF6c02FB2ECc446146E05F1fF687a788a8BF76d")

    assert (reply.status_code, reply.text) == (200, "0")
    assert reply.headers["content-type"] == "text/plain; charset=utf-8"


def test_the_nonce_of_nobody_is_refused(alice: Consumer):
    reply = alice.get("/api/services/nonce", userAddress="")

    assert (reply.status_code, reply.text) == (400, 'Missing required parameter: "userAddress"')


def make_token(who: Consumer, **fields: Any) -> requests.Response:
    signed = who.signed("createAuthToken")
    signed["address"] = signed.pop("consumerAddress")
    return who.post("/api/services/auth/token", {**signed, **fields})


def test_a_token_replaces_the_signature_for_any_address(alice: Consumer, bob: Consumer):
    recorded = recordings("auth-tokens")["token-create"]["response"]

    reply = make_token(alice)
    token = reply.json()["token"]

    assert (reply.status_code, shape(reply.json())) == (200, shape(recorded["body"]["json"]))
    assert [len(part) > 0 for part in token.split(".")] == [True, True, True]
    assert knock(alice, token=token, consumerAddress=alice.address) == PASSED
    assert knock(alice, token=token, consumerAddress=bob.address) == PASSED
    assert knock(alice, token=f"Bearer {token}", consumerAddress=alice.address) == (401, "Invalid token")
    assert knock(alice, token="abc.def.ghi", consumerAddress=alice.address) == (401, "Invalid token")


def test_a_wrong_signature_is_not_healed_by_a_token(alice: Consumer):
    token = make_token(alice).json()["token"]

    assert knock(alice, token=token, **alice.signed("stopCompute")) == MISMATCH


def test_a_token_ends_at_its_time(alice: Consumer):
    token = make_token(alice, validUntil=int(time.time() * 1000) + 60_000).json()["token"]
    ended = make_token(alice, validUntil=1000).json()["token"]

    assert knock(alice, token=token, consumerAddress=alice.address) == PASSED
    assert knock(alice, token=ended, consumerAddress=alice.address) == (401, "Invalid token")


def test_whoever_holds_a_token_can_end_it(alice: Consumer, bob: Consumer):
    token = make_token(alice).json()["token"]
    request = {"address": bob.address, "nonce": "1", "signature": "0xno", "token": token}

    first, second = (alice.post("/api/services/auth/token/invalidate", request) for _ in range(2))

    assert (first.status_code, first.json()) == (200, {"success": True})
    assert (second.status_code, second.json()) == (200, {"success": True})
    assert knock(alice, token=token, consumerAddress=alice.address) == (401, "Invalid token")


def test_token_errors_are_objects(alice: Consumer):
    without = alice.post("/api/services/auth/token", {"address": alice.address})
    mismatch = make_token(alice, nonce=str(next_nonce()))

    assert (without.status_code, without.json()) == (400, {"error": "Missing required parameters"})
    assert (mismatch.status_code, mismatch.json()) == (401, {"error": MISMATCH[1]})


def test_nonces_and_tokens_survive_a_restart(tmp_path):
    settings = fast(tmp_path)
    with running_ocean_node(settings) as url:
        who = consumer(url)
        signed = who.signed("freeStartCompute")
        assert knock(who, **signed) == PASSED
        token = make_token(who).json()["token"]

    with running_ocean_node(settings) as url:
        who = consumer(url)
        assert knock(who, **signed) == (401, f"nonce: {signed['nonce']} is not a valid nonce")
        assert knock(who, token=token, consumerAddress=who.address) == PASSED
