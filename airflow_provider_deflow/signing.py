# SPDX-License-Identifier: Apache-2.0
"""Signatures without showing the key.

A `Signer` knows one address and signs bytes for it; whoever holds one cannot read the key back.
What is signed, and for whom, is the caller's business: `ocean` builds the messages of an Ocean
Node. Addresses are EIP-55 everywhere, because an Ocean Node compares them as text.

eth-keys is imported by the functions that need it: most processes sign nothing. eth-account, which
would bring the EIP-191 prefix of one line, takes a second longer, in every task; only who signs a
transaction waits for it.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, NoReturn, Protocol

from airflow_provider_deflow.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRIVATE_KEY = re.compile(r"(0x)?[0-9a-fA-F]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_SIGNATURE = re.compile(r"(0x)?[0-9a-fA-F]{130}")


class Signer(Protocol):
    """Signs in the name of one account."""

    @property
    def address(self) -> str:
        """The account, EIP-55."""

    def sign_message(self, message: bytes) -> str:
        """EIP-191 personal signature over `message`: "0x" and 130 hex digits, the same every time."""

    def sign_transaction(self, transaction: Mapping[str, object]) -> bytes:
        """The signed bytes of a transaction with all its fields, ready to be sent; the same every time."""


class KeySigner:
    """A signer whose key is in this process; nothing that prints or copies it shows the key."""

    __slots__ = ("_key",)

    def __init__(self, private_key: str) -> None:
        if not _PRIVATE_KEY.fullmatch(private_key.strip()):
            raise SettingsError(
                "the private key is malformed — it must be 64 hexadecimal digits, with or without 0x; "
                "correct it where it is kept"
            )
        from eth_keys.datatypes import PrivateKey

        try:
            self._key = PrivateKey(bytes.fromhex(private_key.strip().removeprefix("0x")))
            self._key.public_key.to_checksum_address()
        except Exception:
            # Zero, or beyond the curve's order. The cause would carry the key: it is not chained.
            raise SettingsError(
                "the private key is malformed — it is not a key of secp256k1; correct it where it is kept"
            ) from None

    @property
    def address(self) -> str:
        return str(self._key.public_key.to_checksum_address())

    def sign_message(self, message: bytes) -> str:
        signature = self._key.sign_msg_hash(_personal(message)).to_bytes()
        return "0x" + signature[:64].hex() + bytes([signature[64] + 27]).hex()

    def sign_transaction(self, transaction: Mapping[str, object]) -> bytes:
        # py_ecc, deep below, lets the whole process recurse 100 000 calls deep; see `chain`.
        limit = sys.getrecursionlimit()
        from eth_account import Account

        sys.setrecursionlimit(limit)
        return bytes(
            Account.from_key(self._key.to_bytes()).sign_transaction(dict(transaction)).raw_transaction
        )

    def __repr__(self) -> str:
        return f"KeySigner({self.address})"

    def __reduce__(self) -> NoReturn:
        # A pickle of a signer in an XCom or a queue would be the key in clear.
        raise TypeError("a signer stays in its process: send its address, or the connection's id")


def _personal(message: bytes) -> bytes:
    """The hash that a personal signature signs (EIP-191, version 0x45)."""
    return keccak(b"\x19Ethereum Signed Message:\n%d%b" % (len(message), message))


def keccak(data: bytes) -> bytes:
    """Ethereum's keccak-256, 32 bytes."""
    from eth_hash.auto import keccak as keccak_256

    return keccak_256(data)


def checksum_address(text: str) -> str:
    """`text` as an EIP-55 address; a mixed-case address with a wrong checksum is a typing error."""
    if not _ADDRESS.fullmatch(text):
        raise SettingsError(f"{text!r} is not an address — it must be 0x and 40 hexadecimal digits")
    digits = text[2:].lower()
    digest = keccak(digits.encode()).hex()
    checksummed = "0x" + "".join(
        digit.upper() if int(weight, 16) >= 8 else digit
        for digit, weight in zip(digits, digest, strict=False)
    )
    if text[2:] not in (digits, digits.upper(), checksummed[2:]):
        raise SettingsError(
            f"{text!r} has a wrong checksum — copy the address again, or write it in lower case"
        )
    return checksummed


def recover_address(message: bytes, signature: str) -> str:
    """The account whose personal signature over `message` this is; v may be 0, 1, 27 or 28."""
    if not _SIGNATURE.fullmatch(signature):
        raise SettingsError("the signature is malformed — it must be 0x and 130 hexadecimal digits")
    from eth_keys.datatypes import Signature

    raw = bytes.fromhex(signature.removeprefix("0x"))
    recovery = raw[64] - 27 if raw[64] >= 27 else raw[64]
    try:
        key = Signature(raw[:64] + bytes([recovery])).recover_public_key_from_msg_hash(_personal(message))
        return str(key.to_checksum_address())
    except Exception as error:
        raise SettingsError(f"no account gives this signature — {error}") from error
