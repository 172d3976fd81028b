# SPDX-License-Identifier: Apache-2.0
"""Outputs that leave the Ocean Node: where they go, sealed for the node, and reading them back.

A start's `output` names a storage, with its credentials, and a key that the node encrypts the outputs
with before it uploads them. It is encrypted for the node's public key (ECIES), so nobody who lists jobs
can read it. The node uploads one file, `archive_name`, by PUT to a URL, to S3 or by FTP.

The archive is AES-256 in CBC mode, its IV the beginning of the node's public key. That hides it, but
proves nothing: whoever can write to the storage can change it unseen, so check what it must hold. The
IV is the same every time: take a new key for each job.
"""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, BinaryIO

from airflow_provider_deflow.errors import IncompleteDownload, OutputError, SettingsError

if TYPE_CHECKING:
    from typing_extensions import Buffer

_KEY_BYTES = 32
_BLOCK_BYTES = 16
_CHUNK_BYTES = 1 << 20


def new_key() -> bytes:
    """A key for the outputs of one job."""
    return secrets.token_bytes(_KEY_BYTES)


def sealed_output(public_key: bytes, storage: Mapping[str, Any], key: bytes | None) -> str:
    """The `output` of a start: `storage` is a file object of type url, s3 or ftp. Without key in clear.

    A URL's `method` must be GET or POST, though the upload is a PUT; one that ends in "/" gets the
    archive's name.
    """
    if key is not None and len(key) != _KEY_BYTES:
        raise SettingsError(f"the key of remote outputs has {len(key)} bytes — it must have {_KEY_BYTES}")
    output: dict[str, Any] = {"remoteStorage": storage}
    if key is not None:
        output["encryption"] = {"encryptMethod": "AES", "key": key.hex()}
    return _sealed(public_key, output)


def sealed_registry_auth(public_key: bytes, username: str, password: str) -> str:
    """The `encrypted_registry_auth` of a start: how the node logs in where the algorithm's image is."""
    return _sealed(public_key, {"username": username, "password": password})


def archive_name(job_id: str) -> str:
    """What the node calls the outputs of the job with this whole id."""
    return f"outputs-{job_id}.tar"


def opened(stream: BinaryIO, key: bytes, public_key: bytes) -> BinaryIO:
    """The clear `outputs.tar` of an encrypted one, decrypted while it is read.

    Reading raises `IncompleteDownload` when `stream` ends early, and `OutputError` when its end does not
    fit the key; with a wrong key what comes before that is noise.
    """
    return io.BufferedReader(_Decrypting(stream, key, public_key), _CHUNK_BYTES)


class _Decrypting(io.RawIOBase):
    def __init__(self, stream: BinaryIO, key: bytes, public_key: bytes) -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
        from cryptography.hazmat.primitives.padding import PKCS7

        iv = public_key[:_BLOCK_BYTES]
        self._stream = stream
        self._cipher = Cipher(algorithms.AES256(key), modes.CBC(iv)).decryptor()
        self._padding = PKCS7(_BLOCK_BYTES * 8).unpadder()
        self._clear = memoryview(b"")
        self._is_over = False

    def readable(self) -> bool:
        return True

    def readinto(self, target: Buffer, /) -> int:
        while not self._clear and not self._is_over:
            self._clear = memoryview(self._next())
        space = memoryview(target).cast("B")
        size = min(len(space), len(self._clear))
        space[:size] = self._clear[:size]
        self._clear = self._clear[size:]
        return size

    def _next(self) -> bytes:
        if chunk := self._stream.read(_CHUNK_BYTES):
            return self._padding.update(self._cipher.update(chunk))
        self._is_over = True
        try:
            last = self._padding.update(self._cipher.finalize())
        except ValueError:
            raise IncompleteDownload(
                "the encrypted outputs end in the middle of a block — they were not fetched whole; "
                "fetch them again"
            ) from None
        try:
            return last + self._padding.finalize()
        except ValueError:
            raise OutputError(
                "the encrypted outputs do not fit the key — it is another job's, or another node "
                "encrypted them; take the key that was sent with the start"
            ) from None


def _sealed(public_key: bytes, value: Mapping[str, Any]) -> str:
    # Its curves take a moment to load, and most jobs seal nothing.
    import ecies

    # Without 0x, which the node does not take here.
    return ecies.encrypt(public_key, json.dumps(value, ensure_ascii=False).encode()).hex()
