# SPDX-License-Identifier: Apache-2.0
"""Outputs that go to the consumer's own storage instead of staying here.

`output` is encrypted for the node's key, since it may hold credentials: where to put the archive, and
with what key to encrypt it on the way. It is looked at when a job is started and used when it has ended; an
upload that fails loses the outputs (62, and then 70 like a success). This node uploads to URLs; a real one
also to s3 and ftp.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_deflow.local_ocean_node.file_objects import FileObjects
from airflow_provider_deflow.local_ocean_node.identity import Identity
from airflow_provider_deflow.local_ocean_node.javascript import as_text, bytes_of_hex, or_null, parse_json
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

_LEAST_KEY_BYTES = 32
_CHUNK_BYTES = 1 << 20
# Kind → what a real node calls it, and the fields it cannot do without, with what it says then.
_REQUIRED = {
    "ipfs": ("IPFS", {"hash": "Missing CID"}),
    "arweave": ("Arweave", {"transactionId": "Missing transaction ID"}),
    "nodepersistentstorage": (
        "persistent storage",
        {"bucketId": "Missing bucketId", "fileName": "Missing fileName"},
    ),
    "ftp": ("FTP", {"url": "FTP URL is missing"}),
}
# What it reads from but cannot write to.
_READ_ONLY = ("ipfs", "arweave", "nodepersistentstorage")
_S3_FIELDS = ("bucket", "objectKey", "endpoint", "accessKeyId", "secretAccessKey")


@dataclass(frozen=True, slots=True)
class _Destination:
    file_object: dict[str, Any]
    key: bytes | None


class RemoteStorage:
    """Where consumers want their outputs."""

    def __init__(self, identity: Identity, file_objects: FileObjects) -> None:
        self._identity = identity
        self._file_objects = file_objects

    def require_valid(self, output: Any) -> None:
        """Refuse with 400 what could not be uploaded to; nothing is sent yet."""
        self._read(output)

    async def upload(self, output: str, name: str, archive: Path) -> None:
        """Send the archive; `Refusal` when it did not arrive."""
        destination = self._read(output)
        await self._file_objects.put(destination.file_object, name, self._pieces(archive, destination.key))

    def _read(self, output: Any) -> _Destination:
        try:
            value = parse_json(self._identity.decrypt(bytes_of_hex(output)).decode(errors="replace"))
        except (TypeError, ValueError) as error:
            raise Refusal(400, f"Invalid output: {error}") from error
        if value is None:
            raise Refusal(400, "Invalid output: Cannot read properties of null (reading 'remoteStorage')")
        wanted = value if isinstance(value, dict) else {}
        file_object = self._storage(wanted.get("remoteStorage"))
        return _Destination(file_object, _key(wanted.get("encryption")))

    def _storage(self, file_object: Any) -> dict[str, Any]:
        if not file_object:
            raise Refusal(400, "Invalid output: Empty file object")
        fields = file_object if isinstance(file_object, dict) else {}
        kind = fields.get("type")
        if kind is not None and not isinstance(kind, str):
            raise Refusal(400, "Invalid output: type?.toLowerCase is not a function")
        kind = (kind or "").lower()
        problem = self._problem(kind, fields)
        if problem:
            raise Refusal(400, f"Invalid output: {problem}")
        if kind in _READ_ONLY:
            raise Refusal(400, "Storage class has no support for upload")
        if kind != "url":
            raise Refusal(400, "Invalid output: this local Ocean Node uploads outputs to URLs only")
        return fields

    def _problem(self, kind: str, fields: dict[str, Any]) -> str | None:
        name, problem = "URL", None
        if kind == "url":
            try:
                problem = self._file_objects.url_problem(fields)
            except Refusal as refusal:
                return refusal.words
        elif kind == "s3":
            name, problem = "S3", _s3_problem(fields)
        elif kind in _REQUIRED:
            name, required = _REQUIRED[kind]
            problem = next((words for field, words in required.items() if not fields.get(field)), None)
        else:
            return f"Invalid storage type: {as_text(fields['type']) if 'type' in fields else 'undefined'}"
        return f"Error validating the {name} file: {problem}" if problem else None

    async def _pieces(self, archive: Path, key: bytes | None) -> AsyncIterator[bytes]:
        encryptor = self._identity.aes_encryptor(key) if key else None
        with archive.open("rb") as file:
            while piece := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                yield encryptor.update(piece) if encryptor else piece
        if encryptor:
            yield encryptor.finalize()


def _key(encryption: Any) -> bytes | None:
    if or_null(encryption) is None:
        return None
    fields = encryption if isinstance(encryption, dict) else {}
    if not fields.get("key"):
        raise Refusal(400, "Encryption required, but no key")
    if fields.get("encryptMethod") != "AES":
        raise Refusal(400, "Only AES encryption is supported")
    try:
        key = bytes_of_hex(fields["key"])
    except TypeError as error:
        raise Refusal(400, f"Invalid output: {error}") from error
    if len(key) < _LEAST_KEY_BYTES:
        raise Refusal(
            400, f"AES key must be at least {_LEAST_KEY_BYTES} bytes (64 hex chars), got {len(key)} bytes"
        )
    return key


def _s3_problem(file_object: dict[str, Any]) -> str | None:
    access = file_object.get("s3Access")
    if not isinstance(access, dict):
        return "Missing s3Access"
    missing = (name for name in _S3_FIELDS if not str(access.get(name) or "").strip())
    return next((f"Missing {name}" for name in missing), None)
