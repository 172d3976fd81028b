# SPDX-License-Identifier: Apache-2.0
"""Persistent-storage buckets: files that an Ocean Node keeps for jobs to read.

A bucket is write-only from here: no route downloads a file, not even what a job put there as its
`output_bucket_id`. Only other jobs on the same node read them, each named by its file object. A bucket
can be labelled and emptied, but never deleted, nor its access lists changed. With an empty list of access
lists it is its owner's alone; that it exists everybody sees. Pure, like `routes`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from airflow_provider_deflow.ocean import fields, routes
from airflow_provider_deflow.signing import checksum_address

_BUCKETS = f"{routes.SERVICES}/persistentStorage/buckets"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A persistent-storage bucket; `created_at` is epoch seconds, None when it was made just now.

    Whoever is on one of `access_lists`, each `{chain id: [contract]}`, may use it as its owner may.
    """

    bucket_id: str
    owner: str
    label: str
    created_at: float | None
    access_lists: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class BucketFile:
    """A file of a bucket; `modified` is epoch seconds, None where the node does not say."""

    name: str
    size: int
    modified: float | None = None


def buckets(owner: str) -> routes.Route[list[Bucket]]:
    def read(reply: Any) -> list[Bucket]:
        return [_bucket(routes.an_object(item)) for item in fields.as_list(reply, "the buckets")]

    query = {"owner": checksum_address(owner)}
    return routes.get("buckets", _BUCKETS, read, query, "persistentStorageGetBuckets")


def create_bucket(label: str, access_lists: Iterable[Mapping[str, Any]]) -> routes.Route[Bucket]:
    return routes.Route(
        "create a bucket",
        "POST",
        _BUCKETS,
        lambda reply: _bucket(routes.an_object(reply)),
        body={"label": label, "accessLists": list(access_lists)},
        command="persistentStorageCreateBucket",
        signs_body=True,
    )


def label_bucket(bucket_id: str, label: str) -> routes.Route[None]:
    return routes.Route(
        "label a bucket",
        "PATCH",
        f"{_BUCKETS}/{_segment(bucket_id)}",
        routes.nothing,
        body={"label": label},
        command="persistentStorageUpdateBucket",
        is_repeatable=True,
    )


def upload(bucket_id: str, name: str) -> routes.Route[BucketFile]:
    return routes.Route(
        "upload",
        "POST",
        f"{_BUCKETS}/{_segment(bucket_id)}/files/{_segment(name)}",
        lambda reply: _bucket_file(routes.an_object(reply)),
        command="persistentStorageUploadFile",
        is_repeatable=True,
        has_file=True,
    )


def bucket_files(bucket_id: str) -> routes.Route[list[BucketFile]]:
    def read(reply: Any) -> list[BucketFile]:
        return [_bucket_file(routes.an_object(item)) for item in fields.as_list(reply, "the bucket's files")]

    path = f"{_BUCKETS}/{_segment(bucket_id)}/files"
    return routes.get("files of a bucket", path, read, command="persistentStorageListFiles")


def file_object(bucket_id: str, name: str) -> routes.Route[dict[str, Any]]:
    path = f"{_BUCKETS}/{_segment(bucket_id)}/files/{_segment(name)}/object"
    command = "persistentStorageGetFileObject"
    return routes.get("file object", path, lambda reply: dict(routes.an_object(reply)), command=command)


def delete_bucket_file(bucket_id: str, name: str) -> routes.Route[None]:
    path = f"{_BUCKETS}/{_segment(bucket_id)}/files/{_segment(name)}"
    command = "persistentStorageDeleteFile"
    return routes.Route("delete a file", "DELETE", path, routes.nothing, command=command)


def _bucket(reply: fields.Reply) -> Bucket:
    created = reply.get("createdAt")
    # "accessList" where one was just made.
    lists = reply.get("accessLists") or reply.get("accessList") or []
    return Bucket(
        bucket_id=fields.text(reply, "bucketId"),
        owner=fields.text(reply, "owner"),
        label=str(reply.get("label") or ""),
        created_at=None if created is None else fields.number(reply, "createdAt", 0),
        access_lists=tuple(routes.an_object(item) for item in fields.as_list(lists, "'accessLists'")),
    )


def _bucket_file(reply: fields.Reply) -> BucketFile:
    milliseconds = fields.number(reply, "lastModified", 0)
    modified = milliseconds / 1000 if milliseconds else None
    return BucketFile(fields.text(reply, "name"), fields.integer(reply, "size"), modified)


def _segment(text: str) -> str:
    return quote(text, safe="")
