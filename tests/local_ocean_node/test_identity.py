# SPDX-License-Identifier: Apache-2.0
"""What the node's key encrypts and decrypts, checked by the other side of each cipher."""

from __future__ import annotations

from pathlib import Path

import ecies
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from airflow_provider_deflow.local_ocean_node.identity import Identity, Undecryptable, load_identity


@pytest.fixture
def identity(tmp_path: Path) -> Identity:
    return load_identity(tmp_path)


def opened(content: bytes, key: bytes, iv: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES256(key), modes.CBC(iv)).decryptor()
    unpadder = PKCS7(128).unpadder()
    return unpadder.update(decryptor.update(content) + decryptor.finalize()) + unpadder.finalize()


def test_what_is_encrypted_for_the_public_key_is_decrypted(identity: Identity):
    assert identity.decrypt(ecies.encrypt(identity.public_key, "größe".encode())) == "größe".encode()


def test_it_encrypts_for_itself_with_a_whole_ephemeral_key_in_front(identity: Identity):
    content = identity.encrypt(b"hello ocean")

    assert (content[0], len(content)) == (4, 65 + 16 + 16 + len("hello ocean"))
    assert ecies.decrypt(identity.private_key, content) == b"hello ocean"


@pytest.mark.parametrize("content", [b"", b"0x04", b"\x04" * 200, b"\x02" * 200])
def test_what_is_not_for_it_is_undecryptable(identity: Identity, content: bytes):
    with pytest.raises(Undecryptable):
        identity.decrypt(content)


def test_what_is_for_another_node_is_undecryptable(identity: Identity, tmp_path: Path):
    (tmp_path / "other").mkdir()
    other = load_identity(tmp_path / "other")

    with pytest.raises(Undecryptable):
        identity.decrypt(other.encrypt(b"x"))


@pytest.mark.parametrize("key", [None, bytes(range(32)), bytes(range(64))])
def test_aes_takes_the_first_32_bytes_of_a_key_and_the_public_key_as_iv(
    identity: Identity, key: bytes | None
):
    encryptor = identity.aes_encryptor(key)

    content = (
        encryptor.update(b"hello ") + encryptor.update(b"file, more than one block") + encryptor.finalize()
    )

    plain = opened(content, (key or identity.private_key)[:32], identity.public_key[:16])
    assert plain == b"hello file, more than one block"


def test_nothing_prints_the_key(identity: Identity):
    assert identity.private_key.hex() not in repr(identity)
    assert repr(identity.private_key) not in repr(identity)
