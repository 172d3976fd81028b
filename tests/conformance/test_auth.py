# SPDX-License-Identifier: Apache-2.0
"""Nonces and signatures, tried on a free start into an environment that does not exist.

`Invalid C2D Environment` says that they passed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.conformance.session import API, Account, Node

PASSED = (500, "Invalid C2D Environment")
MISMATCH = (401, "consumer address and nonce signature mismatch")
NO_AUTH = (
    401,
    "Invalid authentication, you need to provide either a token or an address, signature, message and nonce",
)
COMMAND = "freeStartCompute"
LARGEST = 9007199254740991


def knock(who: Account, **fields: Any) -> tuple[int, Any]:
    reply = who.ask_for(environment="nowhere-0", **fields)
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    return reply.status_code, reply.json()


def nonce_of(node: Node, address: str) -> Any:
    reply = node.get(f"{API}/nonce", userAddress=address)
    assert reply.status_code == 200
    return reply.json()["nonce"]


def test_a_good_signature_passes_and_its_nonce_is_remembered(stranger: Account):
    signed = stranger.signed(COMMAND)

    assert nonce_of(stranger.node, stranger.address) == "0"
    assert knock(stranger, **signed) == PASSED
    assert nonce_of(stranger.node, stranger.address) == signed["nonce"]


def test_any_text_has_a_nonce(node: Node):
    assert nonce_of(node, "garbage") == "0"
    assert node.get(f"{API}/nonce").json() == {"nonce": "0"}


def test_without_a_whole_signature_there_is_no_authentication(stranger: Account):
    assert knock(stranger, nonce=None, signature=None) == NO_AUTH
    assert knock(stranger, signature=None) == NO_AUTH
    assert knock(stranger, nonce=None) == NO_AUTH


def test_without_an_address_the_request_is_malformed(stranger: Account):
    words = (400, 'Parameter : "consumerAddress" is not a valid web3 address')

    assert knock(stranger, consumerAddress=None) == words
    assert knock(stranger, consumerAddress="0x12") == words


def test_signatures_that_are_not_good_are_a_mismatch(stranger: Account, viewer: Account):
    good = stranger.signed(COMMAND)["signature"]

    assert knock(stranger, signature="hello") == MISMATCH
    assert knock(stranger, signature=good.removeprefix("0x")) == MISMATCH
    assert knock(stranger, **{**viewer.signed(COMMAND), "consumerAddress": stranger.address}) == MISMATCH
    assert knock(stranger, **stranger.signed("stopCompute")) == MISMATCH


def test_the_text_of_the_hash_may_be_signed_too(stranger: Account):
    from airflow_provider_deflow.signing import keccak

    nonce = stranger.next_nonce()
    digest = keccak(f"{stranger.address}{nonce}{COMMAND}".encode())
    over_text = stranger._signer.sign_message(b"0x" + digest.hex().encode())
    over_message = stranger._signer.sign_message(f"{stranger.address}{nonce + 1}{COMMAND}".encode())

    assert knock(stranger, nonce=str(nonce), signature=over_text) == PASSED
    assert knock(stranger, nonce=str(nonce + 1), signature=over_message) == MISMATCH


def test_the_recovery_number_may_be_0_or_1(stranger: Account):
    signed = stranger.signed(COMMAND)
    recovery = int(signed["signature"][-2:], 16) - 27

    assert knock(stranger, **{**signed, "signature": f"{signed['signature'][:-2]}{recovery:02x}"}) == PASSED


def test_a_nonce_may_be_a_number(stranger: Account):
    signed = stranger.signed(COMMAND)

    assert knock(stranger, **{**signed, "nonce": int(signed["nonce"])}) == PASSED


def test_a_nonce_must_rise(stranger: Account):
    first = stranger.signed(COMMAND)
    assert knock(stranger, **first) == PASSED

    refused = (401, f"nonce: {first['nonce']} is not a valid nonce")
    assert knock(stranger, **first) == refused
    assert knock(stranger, **stranger.signed(COMMAND, nonce=5)) == (401, "nonce: 5 is not a valid nonce")
    assert knock(stranger, **stranger.signed(COMMAND, nonce=0)) == (401, "nonce: 0 is not a valid nonce")


def test_the_largest_nonce_locks_an_address_out(stranger: Account):
    assert knock(stranger, **stranger.signed(COMMAND, nonce=LARGEST)) == PASSED

    status, words = knock(stranger)
    assert status == 401
    assert words.endswith(" is not a valid nonce")
    assert nonce_of(stranger.node, stranger.address) == str(LARGEST)


def test_beyond_the_largest_nonce_a_signature_is_a_mismatch(stranger: Account):
    assert knock(stranger, **stranger.signed(COMMAND, nonce=LARGEST + 2)) == MISMATCH


def test_an_address_in_lower_case_has_nonces_of_its_own(stranger: Account):
    lower = stranger.address.lower()
    signed = stranger.signed(COMMAND, address=lower)

    assert knock(stranger, **signed) == PASSED
    assert nonce_of(stranger.node, lower) == signed["nonce"]
    assert nonce_of(stranger.node, stranger.address) == "0"


def test_parallel_calls_pass_or_are_told_that_their_nonce_is_old(stranger: Account):
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: knock(stranger), range(8)))

    accepted = replies.count(PASSED)
    assert accepted >= 1
    others = [reply for reply in replies if reply != PASSED]
    assert all(status == 401 and words.endswith(" is not a valid nonce") for status, words in others)


def test_every_signed_route_refuses_the_signature_of_another_command(stranger: Account):
    wrong = stranger.signed("somethingElse")
    node = stranger.node

    result = node.get(f"{API}/computeResult", jobId="x-y", index=0, **wrong)
    logs = node.get(f"{API}/computeStreamableLogs", jobId="x-y", **wrong)
    paid = node.post(
        f"{API}/compute", {**stranger.start_request("1"), **wrong, "maxJobDuration": 60, "payment": {}}
    )

    for reply in (result, logs):
        assert (reply.status_code, reply.text) == MISMATCH
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert (paid.status_code, paid.json()) == MISMATCH
