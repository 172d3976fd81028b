# SPDX-License-Identifier: Apache-2.0
"""The Signer seam: what a signature is, and that no key is ever shown.

Expected signatures are those of recorded requests to a real Ocean Node, signed by other software.
"""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from pathlib import Path

import pytest

from airflow_provider_deflow import errors, signing
from airflow_provider_deflow.ocean.routes import request_message

# Account 1 of the public test mnemonic "test test … junk".
KEY = "0x59c6995e998f97a5a0044966f0945389dc9e86dae88c7a8412f4603b6b78690d"
ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


def recorded(file: str, name: str) -> dict:
    exchanges = json.loads((Path(__file__).parent / "wire" / f"{file}.json").read_text())
    return next(exchange for exchange in exchanges if exchange["name"] == name)


def test_a_signature_is_the_recorded_one():
    body = recorded("auth", "auth-good-bad-env")["request"]["body"]["json"]
    message = request_message(ADDRESS, body["nonce"], "freeStartCompute")
    assert signing.KeySigner(KEY).sign_message(message) == body["signature"]


def test_signing_twice_gives_the_same():
    signer = signing.KeySigner(KEY)
    assert signer.sign_message(b"x") == signer.sign_message(b"x")


@pytest.mark.parametrize("name", ["auth-good-bad-env", "auth-v-01"])
def test_the_signer_is_found_again_whichever_v_was_sent(name):
    body = recorded("auth", name)["request"]["body"]["json"]
    message = request_message(ADDRESS, body["nonce"], "freeStartCompute")
    assert signing.recover_address(message, body["signature"]) == ADDRESS


def test_another_message_gives_another_signer():
    signature = signing.KeySigner(KEY).sign_message(b"one")
    assert signing.recover_address(b"two", signature) != ADDRESS


@pytest.mark.parametrize(
    "signature", ["", "0x", "0x12", "0x" + "00" * 65, "0x" + "zz" * 65, "0x" + "ff" * 65]
)
def test_a_malformed_signature_is_an_error_that_is_caught(signature):
    with pytest.raises(errors.SettingsError):
        signing.recover_address(b"x", signature)


@pytest.mark.parametrize("key", [KEY, KEY[2:], f" {KEY}\n"])
def test_a_key_is_taken_with_and_without_0x(key):
    assert signing.KeySigner(key).address == ADDRESS


@pytest.mark.parametrize("key", ["", "0x12", KEY + "0", KEY[:-1] + "g", "0x" + "0" * 64, "0x" + "f" * 64])
def test_a_malformed_key_is_refused_without_being_shown(key):
    with pytest.raises(errors.SettingsError, match="malformed") as raised:
        signing.KeySigner(key)
    told = "".join(traceback.format_exception_only(raised.value))
    assert len(key) < 8 or key[2:] not in told
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__ or raised.value.__context__ is None


def test_a_signer_shows_its_address_only():
    signer = signing.KeySigner(KEY)
    assert repr(signer) == str(signer) == f"KeySigner({ADDRESS})"
    assert not hasattr(signer, "__dict__")


@pytest.mark.parametrize("send_away", [pickle.dumps, copy.deepcopy])
def test_a_signer_stays_in_its_process(send_away):
    with pytest.raises(TypeError, match="stays in its process"):
        send_away(signing.KeySigner(KEY))


def test_keccak_is_ethereums():
    assert signing.keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"


@pytest.mark.parametrize(
    "address",
    [
        # The examples of EIP-55.
        "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
        "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
        "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
        "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
    ],
)
def test_an_address_gets_its_checksum(address):
    assert signing.checksum_address(address.lower()) == address
    assert signing.checksum_address("0x" + address[2:].upper()) == address
    assert signing.checksum_address(address) == address


@pytest.mark.parametrize(
    "text", ["", "0x12", ADDRESS[2:], ADDRESS + "0", ADDRESS.replace("C8", "c8"), "0x" + "g" * 40]
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(errors.SettingsError):
        signing.checksum_address(text)


TRANSACTION = {
    "chainId": 8996,
    "nonce": 7,
    "to": ADDRESS,
    "value": 1,
    "data": "0x",
    "gas": 21_000,
    "maxFeePerGas": 3,
    "maxPriorityFeePerGas": 2,
}


def test_a_transaction_is_signed_by_the_account_and_the_same_every_time():
    from eth_account import Account

    signed = signing.KeySigner(KEY).sign_transaction(TRANSACTION)

    assert Account.recover_transaction(signed) == ADDRESS
    assert signing.KeySigner(KEY).sign_transaction(TRANSACTION) == signed
    assert KEY[2:] not in signed.hex()
