# SPDX-License-Identifier: Apache-2.0
"""File info, and encryption with the node's key."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests

from tests.conformance.files import Files
from tests.conformance.session import API, Account, Node, Record
from tests.conformance.test_auth import NO_AUTH

UNKNOWN_DID = "did:op:" + "0" * 64
BYTES = {"content-type": "application/octet-stream"}
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


def encrypt(who: Account, content: bytes, headers: Record = BYTES, **query: Any) -> requests.Response:
    query = {**who.signed("encrypt"), **query}
    return who.node.request("POST", f"{API}/encrypt", params=query, data=content, headers=headers)


def encrypted_bytes(who: Account, content: bytes, headers: Record = BYTES) -> bytes:
    reply = encrypt(who, content, headers)
    assert reply.status_code == 200, reply.text
    return bytes.fromhex(reply.text.removeprefix("0x"))


def file_info(node: Node, **file: Any) -> requests.Response:
    return node.post(f"{API}/fileInfo", file)


def test_file_info_of_a_url(node: Node, files: Files):
    reply = file_info(node, **files.object("/data.csv"))

    assert (reply.status_code, "content-type" in reply.headers) == (200, False)
    assert reply.json() == [
        {
            "valid": True,
            "contentLength": "8",
            "contentType": "text/csv",
            "checksum": hashlib.sha256(b"a,b\n1,2\n").hexdigest(),
            "name": "data.csv",
            "type": "url",
        }
    ]


def test_file_info_sends_the_headers(node: Node, files: Files):
    file_info(node, **files.object("/n.txt?info", headers={"x-api-key": "local"}))

    assert ("/n.txt?info", "local") in files.requested


def test_file_info_of_a_dead_host_is_valid(node: Node, files: Files):
    (info,) = file_info(node, type="url", url="http://localhost:9/x", method="GET").json()

    assert (info["valid"], info["contentLength"], info["checksum"]) == (True, "0", EMPTY_SHA256)


def test_file_info_is_refused(node: Node):
    def words(**file: Any) -> tuple[int, str]:
        reply = file_info(node, **file)
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        return reply.status_code, reply.text

    url = {"type": "url", "url": "http://localhost:9/x"}
    assert words(**url, method="DELETE") == (500, "Error validating the URL file: Invalid method for URL")
    assert words(type="url", method="GET") == (
        500,
        "Error validating the URL file: URL or method are missing",
    )
    assert words() == (400, "Invalid request parameters")
    assert words(did=UNKNOWN_DID, serviceId="s") == (
        500,
        "Unable to decrypt files, files not served by the current node!",
    )
    assert words(did=UNKNOWN_DID) == (
        400,
        "Invalid arguments. Please provide either file && Type OR did && serviceId",
    )


def test_encrypt_answers_with_text_for_the_nodes_key(stranger: Account):
    reply = encrypt(stranger, b"hello ocean")

    assert reply.headers["content-type"] == "application/octet-stream; charset=utf-8"
    assert reply.text.startswith("0x04")
    assert len(reply.text) == 2 + 2 * (97 + 11)
    # The same text is never encrypted the same way.
    assert encrypt(stranger, b"hello ocean").text != reply.text


def test_encrypt_takes_any_chain_and_ruins_what_is_no_text(stranger: Account):
    assert encrypt(stranger, b"x", chainId="1").status_code == 200
    # Each of these bytes became the replacement character before it was encrypted.
    assert len(encrypted_bytes(stranger, bytes(range(128, 256)))) == 97 + 3 * 128


def test_encrypt_is_refused(stranger: Account):
    unsigned = stranger.node.request("POST", f"{API}/encrypt", data=b"x", headers=BYTES)
    empty = encrypt(stranger, b"")

    assert (unsigned.status_code, unsigned.text) == NO_AUTH
    assert (empty.status_code, empty.text) == (400, "Missing required body")


@pytest.mark.parametrize(("asked", "used"), [("AES", "AES"), ("ECIES", "ECIES"), ("ROT13", "AES")])
def test_encrypt_file_ruins_what_is_no_text(stranger: Account, asked: str, used: str):
    query = {**stranger.signed("encryptFile"), "encryptMethod": asked}
    reply = stranger.node.request(
        "POST", f"{API}/encryptFile", params=query, data=b"hello file" * 20, headers=BYTES
    )

    assert (reply.status_code, reply.headers["x-encrypted-method"]) == (200, used)
    assert reply.headers["x-encrypted-by"] == stranger.node.get("/").json()["nodeId"]
    # Every byte that is no UTF-8 came out as the replacement character.
    assert "\ufffd" in reply.content.decode()


def test_decrypt_needs_its_fields(node: Node):
    reply = node.post(f"{API}/decrypt", {})

    assert (reply.status_code, reply.text) == (
        400,
        'Missing one ( "decrypterAddress" ) or more required field(s) for command: "decryptDDO". '
        "Required fields: decrypterAddress,chainId,nonce,signature",
    )
