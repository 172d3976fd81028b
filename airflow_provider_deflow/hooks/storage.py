# SPDX-License-Identifier: Apache-2.0
"""DeFlow's storage on Airflow's object storage: a folder, S3, GCS, Azure, whatever fsspec reaches."""

from __future__ import annotations

from typing import cast

from airflow.sdk import ObjectStoragePath

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.ledger import spool
from airflow_provider_deflow.ocean import clearing, outputs


def content_store() -> outputs.ContentStore:
    """The content-addressed store that `[deflow] storage` names; a local folder is made when missing."""
    return outputs.ContentStore(_root())


def ledger_spool() -> spool.Spool:
    """Where the same storage keeps what the ledger could not take."""
    return spool.Spool(_root())


def stored_contents() -> clearing.Contents:
    """All that lies in the content store, for clearing it."""
    return clearing.Contents(_root())


def _root() -> outputs.Folder:
    url = settings.storage_url()
    try:
        root = ObjectStoragePath(url, conn_id=settings.storage_conn_id())
        root.protocol  # noqa: B018 - a file system that is not installed shows here
    except (ValueError, ImportError) as error:
        raise errors.SettingsError(
            f"[deflow] storage {url!r} cannot be opened: {error}. For s3:// install "
            "apache-airflow-providers-amazon[s3fs]; a folder is written file:///path."
        ) from error
    if root.protocol in ("", "file"):
        root.mkdir(parents=True, exist_ok=True)
    return cast("outputs.Folder", root)
