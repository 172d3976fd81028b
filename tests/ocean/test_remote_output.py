# SPDX-License-Identifier: Apache-2.0
"""Outputs sealed for a node's key, and read back from where the node put them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import tracemalloc

import ecies
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from eth_keys.datatypes import PrivateKey

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import client, exchange, outputs, remote_output, versions

STORAGE = {"type": "url", "url": "http://file.test:8098/put/", "method": "GET"}
NODE_KEY = bytes.fromhex("11" * 32)
JOB_ID = "0xff10-ab12"


@pytest.fixture(scope="module")
def public_key() -> bytes:
    return PrivateKey(NODE_KEY).public_key.to_compressed_bytes()


def sealed(clear: bytes, key: bytes, public_key: bytes) -> bytes:
    """As a node encrypts outputs."""
    padder = PKCS7(128).padder()
    encryptor = Cipher(algorithms.AES256(key), modes.CBC(public_key[:16])).encryptor()
    return encryptor.update(padder.update(clear) + padder.finalize()) + encryptor.finalize()


def test_a_node_reads_what_was_sealed_for_it(public_key):
    key = remote_output.new_key()
    text = remote_output.sealed_output(public_key, STORAGE, key)
    assert text.startswith("04")
    assert json.loads(ecies.decrypt(NODE_KEY, bytes.fromhex(text))) == {
        "remoteStorage": STORAGE,
        "encryption": {"encryptMethod": "AES", "key": key.hex()},
    }
    in_clear = remote_output.sealed_output(public_key, STORAGE, None)
    assert json.loads(ecies.decrypt(NODE_KEY, bytes.fromhex(in_clear))) == {"remoteStorage": STORAGE}


def test_a_registry_login_is_sealed(public_key):
    text = remote_output.sealed_registry_auth(public_key, "näme", "secret")
    assert "secret" not in text
    assert json.loads(ecies.decrypt(NODE_KEY, bytes.fromhex(text))) == {
        "username": "näme",
        "password": "secret",
    }


def test_no_key_is_made_twice_and_a_short_one_is_refused(public_key):
    assert len({remote_output.new_key() for _ in range(20)}) == 20
    with pytest.raises(errors.SettingsError, match="it must have 32"):
        remote_output.sealed_output(public_key, STORAGE, b"short")


def test_the_key_of_a_node_is_read_from_where_it_says_it(recorded):
    root = exchange.answer(versions.public_key(), "http://n", recorded.body("node", "root"))
    status = exchange.answer(versions.probe(), "http://n", recorded.body("node", "status-command"))
    assert root == status.public_key
    assert (len(root), root[0]) == (33, 3)


@pytest.mark.parametrize(
    "key", [None, {}, [1, 2], {"0": 3}, {str(n): 400 for n in range(33)}, "03" * 33, [5] * 33, 33]
)
def test_what_is_no_key_is_not_sealed_for(key):
    body = json.dumps({"nodePublicKey": key}).encode()
    with pytest.raises(errors.UnexpectedReply, match="'nodePublicKey' must be 33 bytes"):
        exchange.answer(versions.public_key(), "http://n", body)


def test_a_node_is_asked_for_its_key(scripted_node, recorded):
    scripted_node.answer("GET", "/", (200, recorded.body("node", "root")))
    with client.OceanNode(scripted_node.url) as node:
        assert node.public_key().hex().startswith("038b1b22")


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 4096, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 3_000_000])
def test_what_a_node_encrypted_is_read_back(public_key, size):
    key = remote_output.new_key()
    clear = bytes(i * 7 % 251 for i in range(1000)) * (size // 1000 + 1)
    clear = clear[:size]
    opened = remote_output.opened(io.BytesIO(sealed(clear, key, public_key)), key, public_key)
    assert opened.read() == clear


def test_another_key_another_node_or_a_short_file_is_noticed(public_key):
    key = remote_output.new_key()
    cipher = sealed(b"outputs" * 1000, key, public_key)
    with pytest.raises(errors.IncompleteDownload, match="fetch them again"):
        remote_output.opened(io.BytesIO(cipher[:-5]), key, public_key).read()
    with pytest.raises(errors.OutputError, match="do not fit the key"):
        remote_output.opened(io.BytesIO(b""), key, public_key).read()
    # Padding is no seal: a wrong key passes it once in 256 times.
    wrong = [bytes([n]) * 32 for n in range(8)]
    noticed = 0
    for other in wrong:
        try:
            assert remote_output.opened(io.BytesIO(cipher), other, public_key).read() != b"outputs" * 1000
        except errors.OutputError:
            noticed += 1
    assert noticed > 0


class Endless:
    """Zeros, so many of them; nothing is kept."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int) -> bytes:
        size = min(size, self._left)
        self._left -= size
        return bytes(size)


def test_a_large_archive_is_read_in_bounded_memory(public_key):
    opened = remote_output.opened(Endless(200 << 20), bytes(32), public_key)
    tracemalloc.start()
    sizes = [len(opened.read(1 << 20)) for _ in range(199)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert sizes == [1 << 20] * 199
    assert peak < 16 << 20


def test_the_archive_has_its_name(recorded):
    assert remote_output.archive_name(JOB_ID) == "outputs-0xff10-ab12.tar"


def test_opened_outputs_are_unpacked(public_key, tmp_path, recorded):
    tar = recorded.body("paid-jobs", "paid-raw-result-output")
    key = remote_output.new_key()
    stream = remote_output.opened(io.BytesIO(sealed(tar, key, public_key)), key, public_key)
    unpacked = outputs.unpack(stream, outputs.ContentStore(tmp_path))
    assert [(file.name, file.size) for file in unpacked.files] == [("o.txt", 4)]
    assert unpacked.archive_sha256 == hashlib.sha256(tar).hexdigest()
    assert base64.b64encode(tar).startswith(b"b3V0cHV0cy8")
