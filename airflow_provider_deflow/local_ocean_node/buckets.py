# SPDX-License-Identifier: Apache-2.0
"""Persistent storage: buckets of files on the node's disk that jobs can read.

A bucket is its owner's; access lists are contracts on a chain, which this node does not have, so nobody
else gets in. Files go in and are listed, mounted and deleted, but never come out over HTTP: so it is.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from airflow_provider_deflow.local_ocean_node.auth import normalised_address
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.store import Bucket, Store

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)


class Buckets:
    """The node's persistent storage; `folder` holds one folder per bucket."""

    def __init__(self, store: Store, folder: Path) -> None:
        self._store = store
        self._folder = folder / "buckets"
        self._uploads = folder / "uploads"
        self._folder.mkdir(parents=True, exist_ok=True)
        # What a crash left half written.
        shutil.rmtree(self._uploads, ignore_errors=True)
        self._uploads.mkdir()

    def create(self, access_lists: list[Any], owner: str, label: str | None) -> dict[str, Any]:
        bucket = Bucket(
            bucket_id=str(uuid.uuid4()),
            owner=owner,
            created=int(time.time()),
            access_lists=access_lists,
            label=(label or "").strip() or f"bucket-{secrets.token_hex(4)}",
        )
        (self._folder / bucket.bucket_id).mkdir()
        self._store.save_bucket(bucket)
        return {
            "bucketId": bucket.bucket_id,
            "owner": owner,
            "accessList": access_lists,
            "label": bucket.label,
        }

    def owned_by(self, owner: str) -> list[dict[str, Any]]:
        return [
            {
                "bucketId": bucket.bucket_id,
                "owner": bucket.owner,
                "createdAt": bucket.created,
                "accessLists": bucket.access_lists,
                "label": bucket.label,
            }
            for bucket in self._store.buckets_of(owner)
        ]

    def rename(self, bucket_id: str, task: dict[str, Any], actor: str) -> str | None:
        """A label that is left out stays; an empty one is cleared."""
        self.require_valid_id(bucket_id)
        bucket = self._store.bucket(bucket_id)
        if bucket is None:
            raise Refusal(404, f"Bucket not found: {bucket_id}")
        self.require_access(bucket_id, actor)
        if "label" not in task:
            return bucket.label
        label = (task["label"] or "").strip() or None
        self._store.save_bucket(
            Bucket(bucket.bucket_id, bucket.owner, bucket.created, bucket.access_lists, label)
        )
        return label

    def files(self, bucket_id: str, actor: str) -> list[dict[str, Any]]:
        folder = self._open(bucket_id, actor)
        return [_file_entry(bucket_id, path) for path in sorted(folder.iterdir()) if path.is_file()]

    async def upload(
        self, bucket_id: str, name: str, content: AsyncIterator[bytes], actor: str
    ) -> dict[str, Any]:
        """Store the stream under `name`, in place of what was there."""
        target = self._open(bucket_id, actor) / _plain(name)
        partial = self._uploads / secrets.token_hex(8)
        try:
            with partial.open("wb") as file:
                async for chunk in content:
                    file.write(chunk)
            os.replace(partial, target)
        except OSError as error:
            raise Refusal(500, f"{error.strerror}: {name}") from error
        finally:
            partial.unlink(missing_ok=True)
        return _file_entry(bucket_id, target)

    def file(self, bucket_id: Any, name: Any, actor: str | None) -> Path:
        """The file's place on the node; without an actor access is not checked."""
        path = self._open(bucket_id, actor) / _plain(name)
        if not path.is_file():
            raise Refusal(500, f"File not found: {name}")
        return path

    def folder(self, bucket_id: str, actor: str) -> Path:
        """The bucket as a job's outputs folder."""
        folder = self._open(bucket_id, actor)
        folder.chmod(0o777)
        return folder

    def require_valid_id(self, bucket_id: Any) -> None:
        # The id becomes a path.
        if not isinstance(bucket_id, str) or not _UUID4.fullmatch(bucket_id):
            raise Refusal(500, "Invalid bucketId")

    def require_access(self, bucket_id: str, actor: str) -> None:
        bucket = self._store.bucket(bucket_id)
        if bucket is None or normalised_address(actor) != bucket.owner:
            raise Refusal(403, "You are not allowed to access this bucket")

    def _open(self, bucket_id: Any, actor: str | None) -> Path:
        self.require_valid_id(bucket_id)
        folder = self._folder / str(bucket_id)
        if not folder.is_dir():
            raise Refusal(500, f"Bucket not found: {bucket_id}")
        if actor is not None:
            self.require_access(bucket_id, actor)
        return folder


def _plain(name: Any) -> str:
    if not isinstance(name, str) or name in ("", ".", "..") or re.search(r"[/\\\0]", name):
        raise Refusal(500, "Invalid fileName")
    return name


def _file_entry(bucket_id: str, path: Path) -> dict[str, Any]:
    status = path.stat()
    return {
        "bucketId": bucket_id,
        "name": path.name,
        "size": status.st_size,
        "lastModified": status.st_mtime_ns // 1_000_000,
    }
