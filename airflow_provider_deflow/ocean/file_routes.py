# SPDX-License-Identifier: Apache-2.0
"""What a node sees behind a file object, and encrypting for the node. Pure, like `routes`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from airflow_provider_deflow.ocean import fields, routes
from airflow_provider_deflow.ocean.routes import Route
from airflow_provider_deflow.signing import checksum_address

T = TypeVar("T")

# A node reads no more of a file to describe it: what it says of a larger one is of its beginning.
_READ_BYTES = 10 << 20
# Told by their store, without a read.
_TOLD_BY_STORE = frozenset({"s3", "nodePersistentStorage"})
_READ_BY_NODE = frozenset({"url", "ipfs", "arweave"})
# More is refused by the node.
MAX_ENCRYPT_BYTES = 25 << 20


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What can be trusted of a node's description of a file; None and "" are what cannot.

    A node calls every file valid: a dead host, a 404 and an empty file look alike, so `is_there` is
    False for all three. Of a file larger than 10 MiB it knows neither size nor hash, of one in S3 or
    a bucket no hash.
    """

    name: str
    type: str
    content_type: str
    is_there: bool
    size: int | None
    sha256: str | None

    @classmethod
    def from_reply(cls, reply: object) -> Self:
        reply = fields.as_object(reply, "a file's description")
        type_ = str(reply.get("type") or "")
        told = reply.get("contentLength")
        size = int(fields.number(reply, "contentLength", 0)) if told not in (None, "", "unknown") else 0
        is_there = reply.get("valid") is True and (size > 0 or type_ in _TOLD_BY_STORE)
        was_read = is_there and type_ in _READ_BY_NODE and size <= _READ_BYTES
        size_is_known = was_read or (is_there and type_ not in _READ_BY_NODE)
        return cls(
            name=str(reply.get("name") or ""),
            type=type_,
            content_type=str(reply.get("contentType") or ""),
            is_there=is_there,
            size=size if size_is_known else None,
            # S3's checksum is its ETag, which is no sha256.
            sha256=str(reply.get("checksum") or "") or None if was_read else None,
        )


def file_info(file: Mapping[str, Any], address: str | None = None) -> Route[FileInfo]:
    """`address` counts for a bucket's file, which is described only to who may use the bucket."""

    def read(reply: Any) -> FileInfo:
        found = fields.as_list(reply, "the file's description")
        if len(found) != 1:
            raise fields.unexpected("one file must be described", reply)
        return FileInfo.from_reply(found[0])

    if address is not None and file.get("type") == "nodePersistentStorage":
        file = {**file, "consumerAddress": checksum_address(address)}
    return _file_info(file, read, "file info")


def files_of_service(did: str, service_id: str) -> Route[list[FileInfo]]:
    """The files behind a service of an asset that this node serves, in their order."""

    def read(reply: Any) -> list[FileInfo]:
        return [FileInfo.from_reply(item) for item in fields.as_list(reply, "the files' descriptions")]

    return _file_info({"did": did, "serviceId": service_id}, read, "file info of a service")


def encrypt(content: bytes) -> Route[str]:
    """`content` encrypted so that only this node can read it: "0x" and hex, as a DDO holds it."""
    return Route(
        "encrypt",
        "POST",
        f"{routes.SERVICES}/encrypt",
        _read_cipher,
        command="encrypt",
        is_repeatable=True,
        # As bytes: of what comes with a JSON type, a node encrypts the text "[object Object]".
        content=content,
        reads_text=True,
    )


def _read_cipher(reply: Any) -> str:
    text = str(reply)
    if not text.startswith("0x04") or not all(digit in "0123456789abcdef" for digit in text[2:]):
        raise fields.unexpected("the cipher must be hex", reply)
    return text


def _file_info(body: Mapping[str, Any], read: Callable[[Any], T], name: str) -> Route[T]:
    return Route(name, "POST", f"{routes.SERVICES}/fileInfo", read, body=body, is_repeatable=True)
