# SPDX-License-Identifier: Apache-2.0
"""Files of an asset, from what a user's own Dag has: file objects, a path, or a task's outputs.

What lies in a storage is given to the Ocean Node as a signed URL, by the storage itself or by the DeFlow API.
Such a URL ends. It is another each time, so the content's name stands for it: the asset is published anew
when the content is another, and when half of the URL's life is over. What lies in a GitHub repository has a
URL that stays.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from airflow.sdk import ObjectStoragePath

from airflow_provider_deflow.errors import MissingOutput, SettingsError
from airflow_provider_deflow.hooks import github, signed_urls
from airflow_provider_deflow.ocean import outputs as ocean_outputs

if TYPE_CHECKING:
    from airflow_provider_deflow.ocean.asset_description import AssetDescription, Service
    from airflow_provider_deflow.ocean.outputs import ContentStore


@dataclass(frozen=True, slots=True)
class AssetFile:
    """One file object, its name, and what stands for it where the object is another each time."""

    name: str
    file_object: dict[str, Any] = field(repr=False)
    same: str | None = None
    # Of its content, where that was at hand.
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """How an Ocean Node is shown what lies in `store`.

    By URLs that last for so long; or, where `files_conn_id` names one, from a GitHub repository.
    """

    store: ContentStore
    url_lifetime_seconds: int
    files_conn_id: str = ""

    def files(self, named: Sequence[tuple[str, str]]) -> list[AssetFile]:
        """Stored files, by name and sha256."""
        if self.files_conn_id:
            repository = github.repository_of(self.files_conn_id)
            return [
                AssetFile(name, repository.keep(sha256, name, self.store), sha256=sha256)
                for name, sha256 in named
            ]
        sign = signed_urls.signer_for(self.store, self.url_lifetime_seconds)
        return [
            replace(self.signed(name, sign(sha256, name), sha256), sha256=sha256) for name, sha256 in named
        ]

    def signed(self, name: str, url: str, content: str) -> AssetFile:
        """A file at a URL that ends; `content` is what its content is known by."""
        half_lives = int(time.time() / (self.url_lifetime_seconds / 2))
        return AssetFile(name, {"type": "url", "url": url, "method": "GET"}, f"{name}:{content}:{half_lives}")


def files_of(given: Any, patterns: Sequence[str], shown: Shown) -> list[AssetFile]:
    """The files that are meant by `given`; `patterns` choose among a task's outputs."""
    if given is None:
        return []
    if isinstance(given, Mapping) and "outputs" in given:
        return _outputs(given, patterns, shown)
    if isinstance(given, (str, ObjectStoragePath)):
        return [_path(given, shown)]
    objects = [given] if isinstance(given, Mapping) else list(given)
    files = [one for one in objects if isinstance(one, AssetFile)]
    if files and len(files) == len(objects):
        return files
    if not all(isinstance(one, Mapping) and isinstance(one.get("type"), str) for one in objects):
        raise SettingsError(
            "`files` must be file objects, the URL of a path in Airflow's object storage, or what an "
            "OceanComputeOperator returned"
        )
    return [AssetFile("", dict(one)) for one in objects]


def with_files(
    description: AssetDescription, files: Sequence[AssetFile], *, shows_names: bool = True
) -> AssetDescription:
    """The description with `files` in each service that has none of its own.

    A job gets the first file of a service only, so a compute service becomes one for each.
    """
    services = [made for service in description.services for made in _filled(service, files, shows_names)]
    return description.model_copy(update={"services": tuple(services)})


def _filled(service: Service, files: Sequence[AssetFile], shows_names: bool) -> Iterator[Service]:
    if service.files or not files:
        yield service
        return
    for group in [[file] for file in files] if service.type == "compute" else [list(files)]:
        same = [file.same for file in group if file.same]
        yield service.model_copy(
            update={
                "files": tuple(file.file_object for file in group),
                "same_files": ",".join(same) if len(same) == len(group) else None,
                "name": service.name or (shows_names and group[0].name) or None,
            }
        )


def _outputs(returned: Mapping[str, Any], patterns: Sequence[str], shown: Shown) -> list[AssetFile]:
    outputs = shown.store.outputs(str(returned["outputs"]))
    found = ocean_outputs.matching(outputs.files, patterns)
    if not found:
        raise MissingOutput(
            f"none of the {len(outputs.files)} output(s) matches {', '.join(patterns)} — "
            f"there are {', '.join(file.name for file in outputs.files) or 'none'}"
        )
    return shown.files([(file.name.replace("/", "__"), file.sha256) for file in found])


def _path(given: str | ObjectStoragePath, shown: Shown) -> AssetFile:
    try:
        path = ObjectStoragePath(given)
        is_there = path.is_file()
    except (ValueError, ImportError) as error:
        raise SettingsError(
            f"the path of `files` cannot be opened — {error}; a folder of this machine is written file:///path"
        ) from None
    if not is_there:
        raise MissingOutput(
            f"there is no file at {path.protocol or 'file'}://…/{path.name} — correct the path"
        )
    if path.protocol not in ("", "file") and not shown.files_conn_id:
        try:
            url = str(path.sign(expiration=shown.url_lifetime_seconds))
            return shown.signed(path.name, url, str(path.checksum()))
        except NotImplementedError:
            # It signs nothing: from here on the file is one of DeFlow's storage.
            pass
    with path.open("rb") as content:  # type: ignore[no-untyped-call]
        sha256, _ = shown.store.put(content)
    return shown.files([(path.name, sha256)])[0]
