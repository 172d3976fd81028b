# SPDX-License-Identifier: Apache-2.0
"""Expiring URLs of stored files, for Ocean Nodes that fetch them.

A storage that signs (S3, GCS, Azure) signs itself. For a local folder the DeFlow API serves the
file: the URL's token names the content and when it expires, signed with a key derived from
Airflow's Fernet key, which all parts of a deployment share. Nothing about a URL is stored.
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk import conf
from itsdangerous import BadSignature, URLSafeSerializer

from airflow_provider_deflow import errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_deflow.ocean.outputs import ContentStore

# A job may wait for an hour in the Ocean Node's queue before it fetches its data.
EXPIRES_SECONDS = 7200
FILES_ROUTE = "/deflow/api/v1/files"


def signer_for(store: ContentStore, expires_seconds: int = EXPIRES_SECONDS) -> Callable[[str, str], str]:
    """A function `(sha256, name) -> url` for the files of `store`."""

    def sign(sha256: str, name: str) -> str:
        path = store.path(sha256)
        if isinstance(path, Path):
            return _served_url(sha256, name, expires_seconds)
        return str(path.sign(expiration=expires_seconds))

    return sign


def read_token(token: str) -> str | None:
    """The sha256 that a token of ours names; None when it is not ours or has expired."""
    try:
        sha256, expires_at = _serializer().loads(token)
    except (BadSignature, ValueError):
        return None
    return str(sha256) if time.time() < expires_at else None


def _served_url(sha256: str, name: str, expires_seconds: int) -> str:
    base = str(conf.get("api", "base_url", fallback="")).rstrip("/")
    if not base:
        raise errors.SettingsError(
            "handover `url` from a local storage folder needs [api] base_url: the address of Airflow's "
            "api-server as the Ocean Node reaches it. Set it, or use a storage that signs URLs."
        )
    token = _serializer().dumps([sha256, int(time.time()) + expires_seconds])
    return f"{base}{FILES_ROUTE}/{token}/{quote(name)}"


def _serializer() -> URLSafeSerializer:
    fernet_key = str(conf.get("core", "fernet_key", fallback=""))
    if not fernet_key:
        raise errors.SettingsError(
            "[core] fernet_key is empty: signed URLs need one shared by all parts of Airflow."
        )
    return URLSafeSerializer(
        fernet_key, salt="airflow_provider_deflow.files", signer_kwargs={"digest_method": hashlib.sha256}
    )
