# SPDX-License-Identifier: Apache-2.0
"""What a node says of a file and what of it can be trusted, and encrypting for the node."""

from __future__ import annotations

import hashlib

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import client, exchange, file_routes
from airflow_provider_deflow.ocean.file_routes import FileInfo

URL = "http://node.test:8001"
BUCKET_FILE = {"type": "nodePersistentStorage", "bucketId": "b", "fileName": "n"}
ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"


@pytest.mark.parametrize("name", ["fileinfo-url-404", "fileinfo-url-dead", "fileinfo-url-500"])
def test_trap_18_a_dead_url_that_a_node_calls_valid_is_not_there(recorded, name):
    assert b'"valid":true' in recorded.body("encrypt-fileinfo", name)
    info = exchange.answer(file_routes.file_info({}), URL, recorded.body("encrypt-fileinfo", name))
    assert not info.is_there
    assert (info.size, info.sha256) == (None, None)


def test_a_file_that_was_read_has_size_and_hash(recorded):
    body = recorded.body("encrypt-fileinfo", "fileinfo-url-headers")
    assert exchange.answer(file_routes.file_info({}), URL, body) == FileInfo(
        "auth.csv",
        "url",
        "text/csv",
        True,
        8,
        "3f17eff67ae402c784f5b46c191427b4f266c7cdacaa026233ec27e9df04d410",
    )
    route = file_routes.files_of_service("did:op:a7", "s")
    (described,) = exchange.answer(route, URL, recorded.body("encrypt-fileinfo", "fileinfo-did"))
    assert (described.size, described.name) == (179, "algo.py")


@pytest.mark.parametrize(
    ("described", "is_there", "size", "sha256"),
    [
        # Read no further than 10 MiB: size and hash are of the beginning.
        ({"type": "url", "contentLength": "10486000", "checksum": "ab"}, True, None, None),
        ({"type": "url", "contentLength": "10485760", "checksum": "ab"}, True, 10485760, "ab"),
        ({"type": "ipfs", "contentLength": "0", "checksum": "e3"}, False, None, None),
        ({"type": "s3", "contentLength": "0", "checksum": "an-etag"}, True, 0, None),
        ({"type": "s3", "contentLength": "99999999", "checksum": "an-etag"}, True, 99999999, None),
        ({"type": "nodePersistentStorage", "contentLength": "3"}, True, 3, None),
        ({"type": "ftp", "contentLength": "3"}, True, 3, None),
        ({"type": "ftp", "contentLength": "0"}, False, None, None),
        ({"type": "url", "contentLength": "unknown"}, False, None, None),
        ({"type": "nodePersistentStorage", "contentLength": "", "valid": False}, False, None, None),
    ],
)
def test_only_what_the_node_can_know_is_taken(described, is_there, size, sha256):
    info = FileInfo.from_reply({"valid": True, "name": "n", **described})
    assert (info.is_there, info.size, info.sha256) == (is_there, size, sha256)


def test_only_a_bucket_file_names_who_asks():
    assert file_routes.file_info(BUCKET_FILE, ADDRESS).body == {**BUCKET_FILE, "consumerAddress": ADDRESS}
    assert file_routes.file_info({"type": "url"}, ADDRESS).body == {"type": "url"}


def test_several_descriptions_of_one_file_are_not_understood():
    with pytest.raises(errors.UnexpectedReply, match="one file must be described"):
        exchange.answer(file_routes.file_info({}), URL, b"[]")


def test_trap_16_what_is_encrypted_goes_as_bytes(recorded, scripted_node, signer):
    cipher = recorded.body("encrypt-fileinfo", "encrypt")
    scripted_node.answer("POST", "/api/services/encrypt", (200, cipher))
    with client.OceanNode(scripted_node.url, signer) as node:
        assert node.encrypt(b'{"a":1}') == cipher.decode()
    asked = scripted_node.asked[0]
    assert asked["headers"]["content-type"] == "application/octet-stream"
    assert asked["body"] == b'{"a":1}'
    assert set(asked["query"]) == {"consumerAddress", "nonce", "signature"}


@pytest.mark.parametrize("body", [b"", b"0x05ab", b"0x04zz", b"<html>", "\ufffd".encode(), b"\xff"])
def test_what_is_no_cipher_is_not_taken_for_one(body):
    with pytest.raises(errors.UnexpectedReply):
        exchange.answer(file_routes.encrypt(b"x"), URL, body)


def test_a_recorded_checksum_is_the_contents_sha256(recorded):
    reply = recorded("encrypt-fileinfo", "fileinfo-url-dead")["response"]["body"]["json"][0]
    assert reply["checksum"] == hashlib.sha256(b"").hexdigest()
