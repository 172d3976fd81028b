# SPDX-License-Identifier: Apache-2.0
"""A GitHub repository as the place from which Ocean Nodes fetch the files of assets.

By GitHub's contents API, one commit for each content, at `<folder>/<sha256>/<name>`: what is there is found
and not committed again. Here is told how a file gets there and how an Ocean Node reads it. Nothing is ever
taken away, and git keeps what was committed for good.

The token that writes stays here. An Ocean Node reads a private repository with another one, which may only
read, and gets it in the headers of the file object, which it encrypts with the file's URL.
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import requests
from airflow.sdk import BaseHook
from tenacity import Retrying, retry_if_result, stop_after_attempt, wait_random_exponential

from airflow_provider_deflow import http
from airflow_provider_deflow.errors import FilesBusy, SettingsError

if TYPE_CHECKING:
    from airflow.sdk import Connection

    from airflow_provider_deflow.ocean.outputs import ContentStore

API = "https://api.github.com"
FOLDER = "deflow"
# A body is the content in base64, whole in memory. GitHub warns of larger files, and refuses twice as much.
MAX_BYTES = 50 << 20
# Two that commit at once to one branch: GitHub takes one, and tells the other that the branch has moved.
_TRIES = 6
_UPLOAD_SECONDS = 300.0
_RATE_LIMITED = (403, 429)
_TAKEN = (409, 422)


@dataclass(frozen=True, slots=True)
class RepositorySettings:
    """What a connection (type `github` or `http`) says: the token is its password, all else in its extra."""

    conn_id: str
    api: str
    owner: str
    name: str
    token: str = field(repr=False)
    # None: the repository's own default.
    branch: str | None = None
    folder: str = FOLDER
    # Whether what everybody may read is what is wanted.
    public: bool = False
    # For Ocean Nodes, of a private repository.
    read_token: str = field(default="", repr=False)


def repository_of(conn_id: str) -> Repository:
    """Raises `SettingsError` when the connection does not say enough."""
    return Repository(settings_of(BaseHook.get_connection(conn_id)))


def settings_of(connection: Connection) -> RepositorySettings:
    """What a connection that was already looked up says."""
    extra = connection.extra_dejson
    written = {
        "token (its password)": connection.password,
        "owner": extra.get("owner"),
        "repo": extra.get("repo"),
    }
    if missing := [name for name, value in written.items() if not value]:
        raise SettingsError(
            f"connection {connection.conn_id!r} names no GitHub repository — it lacks {', '.join(missing)}. "
            "Put owner and repo into its extra, and a token that may write contents into its password."
        )
    host = str(connection.host or API)
    if "://" not in host:
        port = f":{connection.port}" if connection.port else ""
        host = f"{connection.schema or 'https'}://{host}{port}"
    return RepositorySettings(
        conn_id=str(connection.conn_id),
        api=host.rstrip("/"),
        owner=str(extra["owner"]),
        name=str(extra["repo"]),
        token=str(connection.password),
        branch=str(extra["branch"]) if extra.get("branch") else None,
        folder=str(extra.get("folder") or FOLDER).strip("/"),
        public=extra.get("public") in (True, "true", "True"),
        read_token=str(extra.get("read_token") or ""),
    )


class Repository:
    """One repository of one connection."""

    def __init__(self, settings: RepositorySettings) -> None:
        self.settings = settings
        self._session = http.session(_UPLOAD_SECONDS)
        self._session.headers.update(
            {"Authorization": f"Bearer {settings.token}", "Accept": "application/vnd.github+json"}
        )

    def keep(self, sha256: str, name: str, store: ContentStore) -> dict[str, Any]:
        """The file object of a stored content, which is committed if it is not there yet."""
        size = store.size(sha256)
        if size > MAX_BYTES:
            raise SettingsError(
                f"{name} is not put into {self} — it has {size} bytes, and files of more than "
                f"{MAX_BYTES >> 20} MiB are too much for GitHub's API. Keep such files in an object storage "
                "that signs URLs (S3, GCS, Azure)."
            )
        about = self._about()
        branch = self.settings.branch or str(about["default_branch"])
        with store.open(sha256) as file:
            content = file.read()
        path = f"{self.settings.folder}/{sha256}/{name}"
        found = self._found(path, branch, content) or self._commit(path, branch, content)
        return self._file_object(str(found["download_url"]), private=bool(about["private"]))

    def _about(self) -> dict[str, Any]:
        """The repository as GitHub knows it; whether it may be used is asked before anything goes there."""
        about: dict[str, Any] = self._json(self._ask("GET", ""))
        private, settings = about.get("private", True), self.settings
        if not private and not settings.public:
            raise SettingsError(
                f"{self} is public — everybody could read the files. If that is meant, say `public: true` in "
                f"the extra of connection {settings.conn_id!r}; else make the repository private."
            )
        if private and not settings.read_token:
            raise SettingsError(
                f"{self} is private — an Ocean Node needs a token to read from it. Put one that may only "
                "read this repository's contents into the extra of connection "
                f"{settings.conn_id!r}, as read_token."
            )
        return about

    def _found(self, path: str, branch: str, content: bytes) -> dict[str, Any] | None:
        """The file at `path`, when it is there. Its folder is listed: a list has no contents in it."""
        folder, _, name = path.rpartition("/")
        answer = self._ask("GET", f"/contents/{quote(folder)}", params={"ref": branch}, also=(404,))
        if answer.status_code == 404:
            return None
        listed = self._json(answer)
        found = next((one for one in listed if one.get("name") == name), None)
        if found is not None and found.get("sha") != _blob_id(content):
            raise SettingsError(
                f"{path} in {self} is another content than its name says — it was changed there. Take it "
                "away, or name another `folder` in the connection's extra."
            )
        return dict(found) if found is not None else None

    def _commit(self, path: str, branch: str, content: bytes) -> dict[str, Any]:
        """One that another task has committed meanwhile is found; where the branch has moved, once more."""
        body = {
            # Whoever reads the repository learns nothing of graphs and runs.
            "message": f"DeFlow: {path.split('/')[-2]}",
            "content": base64.b64encode(content).decode(),
            "branch": branch,
        }

        def put() -> dict[str, Any] | None:
            answer = self._ask("PUT", f"/contents/{quote(path)}", body=body, also=_TAKEN)
            if answer.status_code not in _TAKEN:
                return dict(self._json(answer)["content"])
            found = self._found(path, branch, content)
            if found is None and answer.status_code != 409:
                raise self._refused(answer)
            return found

        patience = Retrying(
            wait=wait_random_exponential(0.2, max=5),
            stop=stop_after_attempt(_TRIES),
            retry=retry_if_result(lambda found: found is None),
            retry_error_callback=lambda _: None,
        )
        found = patience(put)
        if found is None:
            raise FilesBusy(
                f"{path} is not in {self} yet — others commit to its branch {branch!r} all the time; "
                "try again"
            )
        return found

    def _file_object(self, url: str, *, private: bool) -> dict[str, Any]:
        # GitHub's own URL of a private file has a token in it, which ends within minutes.
        plain = {"type": "url", "url": urlsplit(url)._replace(query="").geturl(), "method": "GET"}
        if not private:
            return plain
        return {**plain, "headers": {"Authorization": f"token {self.settings.read_token}"}}

    def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
        also: tuple[int, ...] = (),
    ) -> requests.Response:
        settings = self.settings
        url = f"{settings.api}/repos/{quote(settings.owner)}/{quote(settings.name)}{path}"
        try:
            answer = self._session.request(method, url, params=params, json=body)
        except requests.RequestException as error:
            raise FilesBusy(f"{self} does not answer — {http.explain(error)}; try again") from None
        if answer.status_code // 100 == 2 or answer.status_code in also:
            return answer
        raise self._refused(answer)

    def _refused(self, answer: requests.Response) -> SettingsError | FilesBusy:
        status, words = answer.status_code, _words(answer)
        if status in _RATE_LIMITED and (wait := _wait_seconds(answer)) is not None:
            return FilesBusy(
                f"{self} takes no more requests for {wait:.0f} s — {words}", retry_after_seconds=wait
            )
        if status >= 500:
            return FilesBusy(f"{self} cannot now — HTTP {status}: {words}; try again")
        return SettingsError(f"{self} refused — HTTP {status}: {words}. {_HINTS.get(status, _HINT)}")

    def _json(self, answer: requests.Response) -> Any:
        try:
            return answer.json()
        except ValueError:
            raise SettingsError(
                f"{self} answers with something else than JSON — is {self.settings.api} GitHub's API?"
            ) from None

    def __str__(self) -> str:
        return f"GitHub repository {self.settings.owner}/{self.settings.name}"


_HINT = "Look at the connection's owner, repo and branch, and at what its token may do."
_HINTS = {
    301: "It was renamed or moved: correct owner and repo in the connection's extra.",
    401: "The token is wrong or has expired: put a new one into the connection's password.",
    403: "The token may not write there: it needs the permission to read and write contents.",
    404: "There is no such repository or branch, or the token may not see it: correct the connection.",
}


def _words(answer: requests.Response) -> str:
    """GitHub's own, which quote nothing of ours that is secret."""
    try:
        said = json.loads(answer.text)["message"]
    except (ValueError, KeyError, TypeError):
        said = answer.reason
    return str(said)[:300]


def _wait_seconds(answer: requests.Response) -> float | None:
    """How long to wait, when it is for the number of requests that GitHub says no."""
    headers = answer.headers
    if (after := headers.get("retry-after", "")).isdigit():
        return float(after)
    if headers.get("x-ratelimit-remaining") == "0" and headers.get("x-ratelimit-reset", "").isdigit():
        return max(1.0, float(headers["x-ratelimit-reset"]) - time.time())
    return 60.0 if answer.status_code == 429 or "rate limit" in _words(answer).lower() else None


def _blob_id(content: bytes) -> str:
    """By which git knows a content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
