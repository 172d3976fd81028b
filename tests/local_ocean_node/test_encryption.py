# SPDX-License-Identifier: Apache-2.0
"""encrypt and encryptFile over HTTP and as commands, beside what was recorded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_deflow.local_ocean_node.identity import Identity, load_identity
from tests.local_ocean_node.running import Consumer, recordings

OCTETS = {"content-type": "application/octet-stream"}


@pytest.fixture
def identity(node_folder: Path, node_url: str) -> Identity:
    return load_identity(node_folder)


def post(who: Consumer, route: str, body: bytes, headers: dict[str, str], **query: Any) -> requests.Response:
    return requests.post(f"{who.url}/api/services/{route}", data=body, headers=headers, params=query)


def encrypt(who: Consumer, body: bytes, headers: dict[str, str] = OCTETS) -> requests.Response:
    return post(who, "encrypt", body, headers, **who.signed("encrypt"))


def encrypt_file(who: Consumer, body: bytes, headers: dict[str, str] = OCTETS, **query: Any):
    return post(who, "encryptFile", body, headers, **who.signed("encryptFile"), **query)


def test_octets_are_encrypted_for_the_node(alice: Consumer, identity: Identity):
    recorded = recordings("encrypt-fileinfo")["encrypt"]["response"]

    reply = encrypt(alice, b"hello ocean")

    assert (reply.status_code, len(reply.text)) == (200, len(recorded["body"]["text"]))
    assert reply.headers["content-type"] == recorded["headers"]["content-type"]
    assert reply.text.startswith("0x04")
    assert identity.decrypt(bytes.fromhex(reply.text[2:])) == b"hello ocean"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b'{"a": 1}', "application/json"), (b"plain text", "text/plain"), (b"", "application/json")],
)
def test_trap_16_what_is_not_octets_is_encrypted_as_object_object(
    alice: Consumer, identity: Identity, body: bytes, content_type: str
):
    reply = encrypt(alice, body, {"content-type": content_type})

    assert reply.status_code == 200
    assert identity.decrypt(bytes.fromhex(reply.text[2:])) == b"[object Object]"


def test_bytes_that_are_no_text_come_back_changed(alice: Consumer, identity: Identity):
    reply = encrypt(alice, b"a\xffb")

    assert identity.decrypt(bytes.fromhex(reply.text[2:])) == "a\ufffdb".encode()


def test_nothing_to_encrypt(alice: Consumer):
    recorded = recordings("encrypt-fileinfo")["encrypt-empty"]["response"]

    reply = encrypt(alice, b"")

    assert (reply.status_code, reply.text) == (recorded["status"], recorded["body"]["text"])


def test_encrypting_needs_a_signature_and_takes_no_token(alice: Consumer):
    recorded = recordings("encrypt-fileinfo")["encrypt-no-auth"]["response"]
    signed = alice.signed("createAuthToken")
    token = alice.post("/api/services/auth/token", {**signed, "address": alice.address}).json()["token"]

    reply = post(alice, "encrypt", b"x", {**OCTETS, "authorization": token})

    assert (reply.status_code, reply.text) == (recorded["status"], recorded["body"]["text"])


def test_more_than_25_megabytes_are_too_many(alice: Consumer):
    reply = encrypt(alice, bytes((25 << 20) + 1))

    assert reply.status_code == 413
    assert "PayloadTooLargeError: request entity too large" in reply.text


@pytest.mark.parametrize("method", [None, "AES", "aes", "ROT13"])
def test_encrypt_file_is_aes_unless_ecies_is_asked_for(
    alice: Consumer, identity: Identity, method: str | None
):
    encryptor = identity.aes_encryptor()
    sealed = encryptor.update(b"hello file") + encryptor.finalize()

    reply = encrypt_file(alice, b"hello file", encryptMethod=method)

    assert reply.status_code == 200
    # The bytes went through a string: what was no UTF-8 is lost.
    assert reply.content == sealed.decode(errors="replace").encode()
    assert reply.headers["x-encrypted-method"] == "AES"
    assert reply.headers["x-encrypted-by"] == identity.peer_id
    assert reply.headers["content-type"] == "application/octet-stream; charset=utf-8"


def test_encrypt_file_of_a_file_object(alice: Consumer, file_server: str):
    body = f'{{"type": "url", "url": "{file_server}/n.txt", "method": "GET"}}'.encode()

    reply = encrypt_file(alice, body, {"content-type": "application/json"}, encryptMethod="ecies")

    assert (reply.status_code, reply.headers["x-encrypted-method"]) == (200, "ECIES")
    assert reply.content[:1] == b"\x04"


@pytest.mark.parametrize(
    ("body", "headers", "status", "words"),
    [
        (
            b"x",
            {"content-type": "text/plain"},
            400,
            "Invalid request (missing body data or invalid content-type)",
        ),
        (b"{}", {"content-type": "application/json"}, 500, "Unknown error: Invalid storage type: undefined"),
        (
            b'{"type": "url", "url": "http://127.0.0.1/x", "method": "GET"}',
            {"content-type": "application/json"},
            500,
            "Unknown error: Error validating the URL file: URL is marked as unsafe",
        ),
    ],
)
def test_encrypt_file_refuses(alice: Consumer, body: bytes, headers: dict, status: int, words: str):
    reply = encrypt_file(alice, body, headers)

    assert (reply.status_code, reply.text) == (status, words)


def test_commands_encrypt_text_and_base58(alice: Consumer, identity: Identity):
    as_text = alice.direct("encrypt", **alice.signed("encrypt"), blob="größe")
    as_base58 = alice.direct("encrypt", **alice.signed("encrypt"), blob="JxF12TrwUP45BMd", encoding="base58")

    assert identity.decrypt(bytes.fromhex(as_text.text[2:])) == "größe".encode()
    assert identity.decrypt(bytes.fromhex(as_base58.text[2:])) == b"Hello World"


@pytest.mark.parametrize(
    ("fields", "status", "words"),
    [
        (
            {},
            400,
            'Missing one ( "blob" ) or more required field(s) for command: "encrypt". Required fields: blob',
        ),
        (
            {"blob": "x", "encoding": "rot13"},
            400,
            'Invalid parameter: "encoding" must be one of: string,base58',
        ),
        (
            {"blob": "x", "encryptionType": "rot13"},
            400,
            'Invalid parameter: "encryptionType" must be one of: string,base58',
        ),
        ({"blob": "0OIl", "encoding": "base58"}, 500, "Unknown error: Invalid base58 character “0,O,I,l”"),
    ],
)
def test_the_command_refuses(alice: Consumer, fields: dict, status: int, words: str):
    reply = alice.direct("encrypt", **alice.signed("encrypt"), **fields)

    assert (reply.status_code, reply.text) == (status, words)


@pytest.mark.parametrize(
    ("fields", "recorded"),
    [({}, "decrypt-nothing"), ({"decrypterAddress": "x"}, None), ({"chainId": 1}, None)],
)
def test_decrypting_without_a_chain(alice: Consumer, fields: dict, recorded: str | None):
    complete = {"decrypterAddress": alice.address, "chainId": 8996, "nonce": "1", "signature": "0x"}

    reply = alice.post("/api/services/decrypt", {**complete, **fields} if fields else {})

    assert reply.status_code == 400
    if recorded:
        assert reply.text == recordings("encrypt-fileinfo")[recorded]["response"]["body"]["text"]
    elif "chainId" in fields:
        assert reply.text == "Decrypt DDO: Unsupported chain id"
    else:
        assert reply.text == 'Parameter : "decrypterAddress" is not a valid web3 address'
