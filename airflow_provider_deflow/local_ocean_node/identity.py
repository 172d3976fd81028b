# SPDX-License-Identifier: Apache-2.0
"""Who the node is: a key made at its first start and kept in its folder, readable by its owner only.

The address is where a paying consumer would pay to, the public key names the node among peers. The
cluster hash stands in front of every environment id and job id, so it must survive restarts too.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
# libp2p: identity multihash of 37 bytes, a protobuf with key type 2 (secp256k1) and 33 bytes of key.
_PEER_ID_PREFIX = bytes.fromhex("002508021221")


@dataclass(frozen=True, slots=True)
class Identity:
    """The node's account and names."""

    address: str
    public_key: bytes
    # Signs auth tokens; derived, so that tokens stay valid over restarts.
    token_secret: bytes = field(repr=False)

    @property
    def peer_id(self) -> str:
        return _base58(_PEER_ID_PREFIX + self.public_key)

    @property
    def cluster_hash(self) -> str:
        return "0x" + hashlib.sha256(f"local:{self.address}".encode()).hexdigest()


def load_identity(folder: Path) -> Identity:
    """The identity kept in `folder`, made now if there is none."""
    from eth_keys.datatypes import PrivateKey

    private_key = PrivateKey(_kept_key(folder / "node.key"))
    return Identity(
        address=private_key.public_key.to_checksum_address(),
        public_key=private_key.public_key.to_compressed_bytes(),
        token_secret=hashlib.sha256(b"auth tokens" + private_key.to_bytes()).digest(),
    )


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
        text = _BASE58[digit] + text
    return _BASE58[0] * (len(data) - len(data.lstrip(b"\0"))) + text
