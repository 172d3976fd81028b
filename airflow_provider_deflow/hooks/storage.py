# SPDX-License-Identifier: Apache-2.0
"""DeFlow's storage on Airflow's object storage: a folder, S3, GCS, Azure, whatever fsspec reaches."""

from __future__ import annotations

from typing import cast

from airflow.sdk import ObjectStoragePath

from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.ocean import outputs


def content_store() -> outputs.ContentStore:
    """The content-addressed store that `[deflow] storage` names; a local folder is made when missing."""
    root = ObjectStoragePath(settings.storage_url(), conn_id=settings.storage_conn_id())
    if root.protocol in ("", "file"):
        root.mkdir(parents=True, exist_ok=True)
    return outputs.ContentStore(cast("outputs.Folder", root))
