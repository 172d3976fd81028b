# SPDX-License-Identifier: Apache-2.0
"""Who the node is: a key made at its first start and kept in its folder, readable by its owner only.

The address is where a paying consumer would pay to, the public key names the node among peers. The
cluster hash stands in front of every environment id and job id, so it must survive restarts too.

What is encrypted for the node is ECIES as eciesjs has it (uncompressed ephemeral key, AES-256-GCM with a
nonce of 16 bytes). Its AES form is CBC with the node's own key, or a given one, and an IV that is the
same every time: the beginning of the public key.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from airflow_provider_deflow.signing import KeySigner

BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# libp2p: identity multihash of 37 bytes, a protobuf with key type 2 (secp256k1) and 33 bytes of key.
_PEER_ID_PREFIX = bytes.fromhex("002508021221")


# The ephemeral key in front, uncompressed.
_ECIES_KEY_BYTES = 65
_AES_BLOCK_BITS = 128


class Undecryptable(ValueError):
    """Not encrypted for this node, or damaged; in the words that Node.js and eciesjs have for it."""


class Encryptor(Protocol):
    """Takes the content piece by piece."""

    def update(self, data: bytes) -> bytes: ...

    def finalize(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Identity:
    """The node's account and names, and what its key can do."""

    address: str
    public_key: bytes
    # Signs auth tokens; derived, so that tokens stay valid over restarts.
    token_secret: bytes = field(repr=False)
    private_key: bytes = field(repr=False)

    @property
    def signer(self) -> KeySigner:
        return KeySigner(self.private_key.hex())

    def encrypt(self, data: bytes) -> bytes:
        """ECIES for the node itself: the client's form of this is in `ocean`."""
        import ecies

        return ecies.encrypt(self.public_key, data)

    def decrypt(self, data: bytes) -> bytes:
        """What somebody encrypted for this node's public key by ECIES; raises `Undecryptable`."""
        import ecies

        if len(data) < _ECIES_KEY_BYTES or data[0] != 4:
            raise Undecryptable("second arg must be public key")
        try:
            return ecies.decrypt(self.private_key, data)
        except Exception as error:
            # The libraries below raise their own kinds, for a point off the curve and a wrong tag alike.
            raise Undecryptable("Unsupported state or unable to authenticate data") from error

    def aes_encryptor(self, key: bytes | None = None) -> Encryptor:
        """AES-256-CBC; `key` counts by its first 32 bytes, the node's own is used without one."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
        from cryptography.hazmat.primitives.padding import PKCS7

        cipher = Cipher(algorithms.AES256((key or self.private_key)[:32]), modes.CBC(self.public_key[:16]))
        return _Padded(PKCS7(_AES_BLOCK_BITS).padder(), cipher.encryptor())

    @property
    def peer_id(self) -> str:
        return _base58(_PEER_ID_PREFIX + self.public_key)

    @property
    def cluster_hash(self) -> str:
        return "0x" + hashlib.sha256(f"local:{self.address}".encode()).hexdigest()


def unbase58(text: str) -> bytes:
    """The bytes written as `text`, which has no letters but those of `BASE58`."""
    number = 0
    for character in text:
        number = number * 58 + BASE58.index(character)
    zeros = len(text) - len(text.lstrip(BASE58[0]))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)


def load_identity(folder: Path) -> Identity:
    """The identity kept in `folder`, made now if there is none."""
    from eth_keys.datatypes import PrivateKey

    private_key = PrivateKey(_kept_key(folder / "node.key"))
    return Identity(
        address=private_key.public_key.to_checksum_address(),
        public_key=private_key.public_key.to_compressed_bytes(),
        token_secret=hashlib.sha256(b"auth tokens" + private_key.to_bytes()).digest(),
        private_key=private_key.to_bytes(),
    )


@dataclass(frozen=True, slots=True)
class _Padded:
    """Pads to whole blocks on the way into the cipher."""

    padder: Encryptor
    cipher: Encryptor

    def update(self, data: bytes) -> bytes:
        return self.cipher.update(self.padder.update(data))

    def finalize(self) -> bytes:
        return self.cipher.update(self.padder.finalize()) + self.cipher.finalize()


def _kept_key(path: Path) -> bytes:
    try:
        return bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        key = secrets.token_bytes(32)
        partial = path.with_suffix(".new")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(key.hex() + "\n")
        os.replace(partial, path)
        return key


def _base58(data: bytes) -> str:
    number = int.from_bytes(data)
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return BASE58[0] * (len(data) - len(data.lstrip(b"\0"))) + text
