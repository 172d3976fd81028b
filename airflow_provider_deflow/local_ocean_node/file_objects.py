# SPDX-License-Identifier: Apache-2.0
"""File objects: where a dataset or an algorithm is fetched from, and what `fileInfo` says about it.

Kinds here: `url`, and `nodePersistentStorage` (a bucket file). A real node asks a URL twice for a job,
once for its name and checksum and once for the content; so does this one, since whoever serves an
expiring URL has to live with it.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import httpx

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import ForbiddenTarget
from airflow_provider_deflow.local_ocean_node.asset_files import AssetFiles
from airflow_provider_deflow.local_ocean_node.buckets import Buckets
from airflow_provider_deflow.local_ocean_node.javascript import as_text
from airflow_provider_deflow.local_ocean_node.refusal import Refusal

KINDS = ("url", "ipfs", "arweave", "s3", "ftp", "nodePersistentStorage")
_TIMEOUT_SECONDS = 30.0
_CHECKSUM_BYTES = 10 << 20
_CHUNK_BYTES = 1 << 20
# As `encodeURIComponent` leaves them.
_COMPONENT_CHARACTERS = "!'()*~-._"
_NAME_CHARACTERS = "%!$&'()*+,;=:@~-._"


def _headers(file_object: dict[str, Any]) -> httpx.Headers:
    """What JavaScript would send: anything as its text, and nothing of what is no object."""
    headers = file_object.get("headers")
    pairs = headers.items() if isinstance(headers, dict) else ()
    return httpx.Headers(
        {name: as_text(value) for name, value in pairs if value is not None}, encoding="utf-8"
    )


def is_bucket_file(file_object: Any) -> bool:
    kind = file_object.get("type") if isinstance(file_object, dict) else None
    return isinstance(kind, str) and kind.lower() == "nodepersistentstorage"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class FileObjects:
    """Reads file objects; every refusal has status 500 and the real node's words."""

    def __init__(
        self,
        buckets: Buckets | None,
        unsafe_urls: tuple[str, ...],
        allowed_targets: tuple[str, ...],
        assets: AssetFiles,
    ) -> None:
        self._buckets = buckets
        self.assets = assets
        self._targets = http.Targets.of(allowed_targets)
        self._unsafe = tuple(re.compile(expression) for expression in unsafe_urls)

    async def info(
        self, file_object: dict[str, Any], actor: str | None, *, whole: bool = False
    ) -> dict[str, Any]:
        """Name, size, type and checksum; a URL that does not answer is valid and empty, as on a real node.

        Of `whole` files the checksum is of all they have, however big.
        """
        self._require_known(file_object)
        if is_bucket_file(file_object):
            path = self._bucket_file(file_object, actor)
            return {
                "valid": True,
                "contentLength": str(path.stat().st_size),
                "contentType": "application/octet-stream",
                **({"checksum": await asyncio.to_thread(_sha256, path)} if whole and actor else {}),
                "name": path.name,
                "type": "nodePersistentStorage",
            }
        size, content_type, checksum = 0, "", hashlib.sha256()
        try:
            async with self._response(file_object, str(file_object["method"])) as response:
                content_type = response.headers.get("content-type", "")
                async for chunk in response.aiter_bytes():
                    size += len(chunk)
                    checksum.update(chunk)
                    if size > _CHECKSUM_BYTES and not whole:
                        break
        except httpx.HTTPError:
            pass
        name = urlsplit(str(file_object["url"])).path.rsplit("/")[-1]
        return {
            "valid": True,
            "contentLength": str(size),
            "contentType": content_type,
            "checksum": checksum.hexdigest(),
            "name": quote(name, safe=_NAME_CHARACTERS),
            "type": "url",
        }

    async def fetch(self, file_object: dict[str, Any], target: Path, actor: str) -> None:
        """Write the content to `target`; an answer other than 2xx is a failure."""
        with target.open("wb") as file:
            async for chunk in self.content(file_object, actor):
                file.write(chunk)

    async def content(self, file_object: dict[str, Any], actor: str | None) -> AsyncIterator[bytes]:
        self._require_known(file_object)
        if is_bucket_file(file_object):
            with self._bucket_file(file_object, actor).open("rb") as source:
                while chunk := source.read(_CHUNK_BYTES):
                    yield chunk
            return
        try:
            async with self._response(file_object, "GET") as response:
                async for chunk in response.aiter_bytes():
                    yield chunk
        except httpx.HTTPError as error:
            raise Refusal(500, str(error) or type(error).__name__) from error

    @asynccontextmanager
    async def opened(self, file_object: dict[str, Any]) -> AsyncIterator[httpx.Response]:
        """A URL's answer, with its headers and before its content was read."""
        self._require_known(file_object)
        try:
            async with self._response(file_object, "GET") as response:
                yield response
        except httpx.HTTPError as error:
            raise Refusal(500, str(error) or type(error).__name__) from error

    async def put(self, file_object: dict[str, Any], name: str, content: AsyncIterator[bytes]) -> None:
        """Send it by HTTP PUT, whatever method the file object names; below the URL if that ends with /."""
        url = str(file_object["url"])
        if url.endswith("/"):
            url = f"{url.rstrip('/')}/{quote(name, safe=_COMPONENT_CHARACTERS)}"
        headers = _headers(file_object)
        headers.setdefault("content-type", "application/x-www-form-urlencoded")
        headers["content-disposition"] = f'attachment; filename="{name}"'
        try:
            async with http.async_client(_TIMEOUT_SECONDS, targets=self._targets) as client:
                response = await client.put(url, content=content, headers=headers)
        except (httpx.HTTPError, httpx.StreamError, ForbiddenTarget) as error:
            raise Refusal(500, str(error) or type(error).__name__) from error
        if not response.is_success:
            raise Refusal(500, f"Request failed with status code {response.status_code}")

    @asynccontextmanager
    async def _response(self, file_object: dict[str, Any], method: str) -> AsyncIterator[httpx.Response]:
        headers = _headers(file_object)
        try:
            async with (
                http.async_client(_TIMEOUT_SECONDS, targets=self._targets) as client,
                client.stream(method.upper(), str(file_object["url"]), headers=headers) as response,
            ):
                if response.is_error:
                    raise httpx.HTTPError(f"Request failed with status code {response.status_code}")
                yield response
        except ForbiddenTarget as error:
            # A real node knows its list of expressions only; these words are its own, the reason is ours.
            raise Refusal(500, f"Error validating the URL file: URL is marked as unsafe ({error})") from None

    def _bucket_file(self, file_object: dict[str, Any], actor: str | None) -> Path:
        if self._buckets is None:
            raise Refusal(
                500,
                "Error validating the persistent storage file: "
                "Persistent storage is not enabled on this node",
            )
        for field in ("bucketId", "fileName"):
            if not file_object.get(field):
                raise Refusal(500, f"Error validating the persistent storage file: Missing {field}")
        return self._buckets.file(file_object["bucketId"], file_object["fileName"], actor)

    def _require_known(self, file_object: dict[str, Any]) -> None:
        kind = "undefined"
        if isinstance(file_object, dict) and "type" in file_object:
            kind = as_text(file_object["type"])
        if is_bucket_file(file_object):
            return
        if kind.lower() != "url":
            reason = " (this local Ocean Node reads url and nodePersistentStorage)" if kind in KINDS else ""
            raise Refusal(500, f"Invalid storage type: {kind}{reason}")
        problem = self.url_problem(file_object)
        if problem:
            raise Refusal(500, f"Error validating the URL file: {problem}")

    def url_problem(self, file_object: dict[str, Any]) -> str | None:
        url, method = file_object.get("url"), file_object.get("method")
        if not url or not method:
            return "URL or method are missing"
        for field, value, needed in (("file.method?", method, "toLowerCase"), ("url", url, "startsWith")):
            if not isinstance(value, str):
                raise Refusal(500, f"{field}.{needed} is not a function")
        if str(method).lower() not in ("get", "post"):
            return "Invalid method for URL"
        if any(expression.search(str(url)) for expression in self._unsafe):
            return "URL is marked as unsafe"
        if not str(url).startswith(("http://", "https://")) and re.fullmatch(r"(.+)/([^/]*)", str(url)):
            return "URL looks like a file path"
        try:
            httpx.URL(str(url))
            _ = urlsplit(str(url)).port
        except (httpx.InvalidURL, ValueError):
            raise Refusal(500, "Invalid URL") from None
        return None
