# SPDX-License-Identifier: Apache-2.0
"""Where a node's algorithm and datasets come from: a DID, inline code, a file, an upload.

A file object is Ocean's own word and stays a mapping with Ocean's own keys (`bucketId`, `s3Access`),
because that is how an Ocean Node gets it; only missing defaults are filled in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import (
    Annotated,
    Any,
    Literal,
    NotRequired,  # pydantic wants these before Python 3.12
)

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Tag
from typing_extensions import TypedDict

from airflow_provider_deflow.graphs import values
from airflow_provider_deflow.graphs.values import shaped


class Value(BaseModel):
    """A part of a graph document: frozen, and unknown keys or the wrong type are problems."""

    # What does not fit may be a secret in the wrong place: no error repeats it.
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", hide_input_in_errors=True)


# The name of a kind within a union appears in pydantic's paths; `problems` takes these out again.
KIND = "kind:"


def _kind_by_key(*keys: str) -> Callable[[Any], str | None]:
    """Tells the kind of a document, or of a value made from one, by the one of `keys` that it has."""

    def kind(value: Any) -> str | None:
        there = (
            value
            if isinstance(value, dict)
            else type(value).__pydantic_fields__
            if isinstance(value, Value)
            else ()
        )
        found = None
        for key in keys:
            if key in there:
                if found:
                    return None
                found = KIND + key
        return found

    return kind


_Name = Annotated[
    str, shaped(r"^[^\x00-\x1f\x7f]{1,1024}$", "bad_file", "must be text of 1 to 1024 characters")
]
_WebUrl = Annotated[
    str,
    shaped(
        r"^(https?://[^\s/?#]\S*|[^\x00-\x1f]*\{\{[^\x00-\x1f]*)$",
        "bad_url",
        "must be a URL that begins with https:// or http://",
        at_most=4096,
    ),
]
_FtpUrl = Annotated[
    str,
    shaped(
        r"^(ftps?://[^\s/?#]\S*|[^\x00-\x1f]*\{\{[^\x00-\x1f]*)$",
        "bad_url",
        "must be a URL that begins with ftp://",
        at_most=4096,
    ),
]


class _File(TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)  # type: ignore[misc]


class UrlFile(_File):
    type: Literal["url"]
    url: _WebUrl
    method: NotRequired[Literal["GET", "POST"]]
    headers: NotRequired[dict[values.Label, values.Line]]


class IpfsFile(_File):
    type: Literal["ipfs"]
    hash: _Name


class ArweaveFile(_File):
    type: Literal["arweave"]
    transactionId: _Name


class S3Access(_File):
    endpoint: _Name
    bucket: _Name
    objectKey: _Name
    accessKeyId: _Name
    secretAccessKey: _Name
    region: NotRequired[_Name]
    forcePathStyle: NotRequired[bool]


class S3File(_File):
    type: Literal["s3"]
    s3Access: S3Access


class FtpFile(_File):
    type: Literal["ftp"]
    url: _FtpUrl


class BucketFile(_File):
    type: Literal["nodePersistentStorage"]
    bucketId: _Name
    fileName: _Name


def _url_defaults(file: dict[str, Any]) -> dict[str, Any]:
    return {**file, "method": file.get("method", "GET"), "headers": file.get("headers", {})}


def _file_kind(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else None
    return KIND + kind if isinstance(kind, str) else None


# Read only, although a dict: it is handed to an Ocean Node as it is.
FileObject = Annotated[
    Annotated[UrlFile, AfterValidator(_url_defaults), Tag(KIND + "url")]
    | Annotated[IpfsFile, Tag(KIND + "ipfs")]
    | Annotated[ArweaveFile, Tag(KIND + "arweave")]
    | Annotated[S3File, Tag(KIND + "s3")]
    | Annotated[FtpFile, Tag(KIND + "ftp")]
    | Annotated[BucketFile, Tag(KIND + "nodePersistentStorage")],
    Discriminator(
        _file_kind,
        custom_error_type="bad_file",
        custom_error_message="must have a type: url, ipfs, arweave, s3, ftp or nodePersistentStorage",
    ),
]


class DidAlgorithm(Value):
    """An algorithm published as an Ocean asset."""

    did: values.Did


class CodeAlgorithm(Value):
    """Source code in the graph itself, run in `image` by `entrypoint`."""

    code: values.Code
    image: values.Image = values.DEFAULT_IMAGE
    entrypoint: values.Entrypoint = values.DEFAULT_ENTRYPOINT


class FileAlgorithm(Value):
    """Source code that the Ocean Node fetches, run in `image` by `entrypoint`."""

    file: FileObject
    image: values.Image = values.DEFAULT_IMAGE
    entrypoint: values.Entrypoint = values.DEFAULT_ENTRYPOINT


class DidDataset(Value):
    """A dataset published as an Ocean asset."""

    did: values.Did


class FileDataset(Value):
    """A file that the Ocean Node fetches."""

    file: FileObject


class UploadDataset(Value):
    """A file that the user gave us: its sha256 in DeFlow's storage, and its name for the algorithm."""

    upload: values.Sha256
    name: values.FileName


Algorithm = Annotated[
    Annotated[DidAlgorithm, Tag(KIND + "did")]
    | Annotated[CodeAlgorithm, Tag(KIND + "code")]
    | Annotated[FileAlgorithm, Tag(KIND + "file")],
    Discriminator(
        _kind_by_key("did", "code", "file"),
        custom_error_type="bad_algorithm",
        custom_error_message="must be an object with exactly one of `did`, `code` and `file`",
    ),
]
Dataset = Annotated[
    Annotated[DidDataset, Tag(KIND + "did")]
    | Annotated[FileDataset, Tag(KIND + "file")]
    | Annotated[UploadDataset, Tag(KIND + "upload")],
    Discriminator(
        _kind_by_key("did", "file", "upload"),
        custom_error_type="bad_dataset",
        custom_error_message="must be an object with exactly one of `did`, `file` and `upload`",
    ),
]
