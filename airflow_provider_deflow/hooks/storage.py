# SPDX-License-Identifier: Apache-2.0
"""DeFlow's storage on Airflow's object storage: a folder, S3, GCS, Azure, whatever fsspec reaches."""

from __future__ import annotations

from typing import cast

from airflow.sdk import ObjectStoragePath

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.ocean import outputs


def content_store() -> outputs.ContentStore:
    """The content-addressed store that `[deflow] storage` names; a local folder is made when missing."""
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
    return outputs.ContentStore(cast("outputs.Folder", root))
