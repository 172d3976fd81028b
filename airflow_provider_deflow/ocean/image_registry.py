# SPDX-License-Identifier: Apache-2.0
"""What an image's registry says of it: whether it is there, and for which platforms.

By the OCI distribution protocol, as an Ocean Node asks before it takes a job: the manifest, with a token
where the registry hands one to anybody, and for an image of one platform its configuration, which names
that. Nothing is pulled. One look-up has a few seconds in all.

The name comes from a graph or a DDO, so a stranger chose whom we ask; and the registry chooses who hands out
its tokens and where its files lie. All of it is judged as foreign URLs are.

Only a registry's own *not found* says that an image is missing. Who wants a login, has had enough of us or
does not answer has said nothing about it.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self
from urllib.parse import urljoin

import requests
import urllib3
from requests.utils import parse_dict_header

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import ForbiddenTarget

LOOK_SECONDS = 5.0
DOCKER_HUB = "registry-1.docker.io"
_HUB_NAMES = frozenset({"docker.io", "index.docker.io", DOCKER_HUB})
# As many as the protocol asks a registry to take for a manifest.
_LIMIT_BYTES = 4 << 20
_MOST_WORDS = 300
_READ_BYTES = 1 << 16
_LISTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
_MANIFESTS = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
# Beside the images, a list names their attestations so.
_NO_PLATFORM = "unknown/unknown"
_PART = r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_PART}(?:/{_PART})*")

Answered = Literal["there", "missing", "unknown"]


@dataclass(frozen=True, slots=True)
class ImageName:
    """Where an image is: `version` is a tag or a digest."""

    registry: str
    repository: str
    version: str

    @classmethod
    def of(cls, image: str, version: str) -> Self | None:
        """As Docker reads it: what looks like no host is a name at Docker Hub. None for no name at all."""
        first, _, rest = image.partition("/")
        is_host = bool(rest) and ("." in first or ":" in first or first == "localhost")
        registry, repository = (first, rest) if is_host else ("docker.io", image)
        if registry in _HUB_NAMES:
            registry = DOCKER_HUB
            repository = repository if "/" in repository else f"library/{repository}"
        if not _REPOSITORY.fullmatch(repository) or not re.fullmatch(r"[\w][\w.:-]*", version):
            return None
        return cls(registry, repository, version)

    @property
    def url(self) -> str:
        """Of its registry, without TLS on a machine's own as Docker does."""
        host = self.registry.partition(":")[0]
        scheme = "http" if host == "localhost" or host.startswith("127.") else "https"
        return f"{scheme}://{self.registry}/v2/{self.repository}/"

    def __str__(self) -> str:
        mark = "@" if ":" in self.version else ":"
        return f"{self.registry}/{self.repository}{mark}{self.version}"


@dataclass(frozen=True, slots=True)
class Answer:
    """`platforms` as `os/architecture`, none where none is named; `words` say why it is not there."""

    state: Answered
    platforms: tuple[str, ...] = ()
    words: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Self:
        return cls(kept["state"], tuple(kept["platforms"]), kept["words"])


def look_up(name: ImageName, targets: http.Targets, seconds: float = LOOK_SECONDS) -> Answer:
    """Ask the registry; every failure is an answer of its own. Nobody outside `targets` is asked."""
    with http.session(targets=targets) as session:
        asking = _Asking(session, time.monotonic() + seconds)
        try:
            return _answer(asking, name)
        except ForbiddenTarget as error:
            return Answer("unknown", words=str(error))
        except requests.RequestException as error:
            return Answer("unknown", words=http.explain(error))
        except urllib3.exceptions.HTTPError:
            return Answer("unknown", words="no answer in time")


@dataclass(frozen=True, slots=True)
class _Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes

    def document(self) -> dict[str, Any]:
        """Nothing when it is no JSON object."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def words(self) -> str:
        """The registry's own, in one line."""
        said = self.document().get("errors")
        first = said[0] if isinstance(said, list) and said and isinstance(said[0], dict) else {}
        text = ": ".join(str(first[part]) for part in ("code", "message") if first.get(part))
        return " ".join(text.split())[:_MOST_WORDS]


class _Asking:
    """One look-up's requests, which share its time and its token."""

    def __init__(self, session: requests.Session, until: float) -> None:
        self._session = session
        self._until = until
        self._token = ""

    def get(self, url: str, accept: str) -> _Reply:
        """With a token, fetched when it is asked for."""
        reply = self._get(url, accept)
        challenge = reply.headers.get("WWW-Authenticate", "")
        if reply.status != requests.codes.unauthorized or self._token or not _is_bearer(challenge):
            return reply
        fetched = self._token_by(url, challenge)
        return self._get(url, accept) if self._token else fetched

    def _token_by(self, url: str, challenge: str) -> _Reply:
        said: dict[str, str] = parse_dict_header(challenge.split(None, 1)[1])  # type: ignore[no-untyped-call]
        query = {name: said[name] for name in ("service", "scope") if said.get(name)}
        reply = self._get(urljoin(url, said.get("realm") or ""), "application/json", query)
        found = reply.document()
        if reply.status == requests.codes.ok:
            self._token = str(found.get("token") or found.get("access_token") or "")
        return reply

    def _get(self, url: str, accept: str, query: Mapping[str, str] | None = None) -> _Reply:
        left = self._left()
        headers = {"Accept": accept}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        with self._session.get(
            url, params=query, headers=headers, timeout=(left, left), stream=True
        ) as response:
            body = http.read_capped(lambda: self._chunk(response), _LIMIT_BYTES)
            return _Reply(response.status_code, response.headers, body or b"")

    def _chunk(self, response: requests.Response) -> bytes:
        self._left()
        return bytes(response.raw.read1(_READ_BYTES))

    def _left(self) -> float:
        left = self._until - time.monotonic()
        if left <= 0:
            raise requests.Timeout
        return left


def _answer(asking: _Asking, name: ImageName) -> Answer:
    reply = asking.get(f"{name.url}manifests/{name.version}", ", ".join((*_LISTS, *_MANIFESTS)))
    if reply.status == requests.codes.ok:
        return Answer("there", _platforms(asking, name, reply.document()))
    words = reply.words
    # Any web server says 404; only a registry gives its reason.
    if reply.status == requests.codes.not_found and words:
        return Answer("missing", words=words)
    if reply.status in (requests.codes.unauthorized, requests.codes.forbidden):
        return Answer("unknown", words=f"it wants a login ({words or reply.status})")
    if reply.status == requests.codes.too_many_requests:
        return Answer("unknown", words=f"it was asked too often ({words or reply.status})")
    return Answer("unknown", words=f"it answered {reply.status} {words}".rstrip())


def _platforms(asking: _Asking, name: ImageName, manifest: Mapping[str, Any]) -> tuple[str, ...]:
    listed = manifest.get("manifests")
    if isinstance(listed, list):
        found = [_platform(one.get("platform")) for one in listed if isinstance(one, dict)]
        # One that names no platform may be for any.
        return () if "" in found else tuple(dict.fromkeys(one for one in found if one != _NO_PLATFORM))
    config = manifest.get("config")
    digest = str(config.get("digest") or "") if isinstance(config, dict) else ""
    if not re.fullmatch(r"[a-z0-9]+:[0-9a-f]+", digest):
        return ()
    try:
        reply = asking.get(f"{name.url}blobs/{digest}", "*/*")
    except (requests.RequestException, urllib3.exceptions.HTTPError, ForbiddenTarget):
        # The image is there; what for, nobody said.
        return ()
    found_one = _platform(reply.document()) if reply.status == requests.codes.ok else ""
    return (found_one,) if found_one else ()


def _platform(said: object) -> str:
    """Empty where one of its parts is missing."""
    parts = said if isinstance(said, Mapping) else {}
    os, architecture = parts.get("os"), parts.get("architecture")
    return f"{os}/{architecture}" if os and architecture else ""


def _is_bearer(challenge: str) -> bool:
    return challenge[:7].lower() == "bearer "
