# SPDX-License-Identifier: Apache-2.0
"""A repository as the place of files, against a server that answers as GitHub's contents API does."""

from __future__ import annotations

import hashlib
import io
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks import github as hook
from airflow_provider_deflow.ocean.outputs import ContentStore
from tests.github_server import READS, WRITES, Answer, Github, running_github

CONTENT = b"a,b\n1,2\n"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "größe 1.csv"
PLACE = f"deflow/{SHA256}/{NAME}"


@pytest.fixture
def github() -> Iterator[Github]:
    with running_github() as one:
        yield one


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    store = ContentStore(tmp_path)
    store.put(io.BytesIO(CONTENT))
    return store


def connect(monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any]) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_GITHUB_FILES", json.dumps(connection))


@pytest.fixture
def repository(github: Github, monkeypatch: pytest.MonkeyPatch) -> hook.Repository:
    connect(monkeypatch, github.connection())
    return hook.repository_of("github_files")


def fetched(file_object: dict[str, Any]) -> bytes:
    """As an Ocean Node does."""
    reply = requests.request(
        file_object["method"], file_object["url"], headers=file_object.get("headers"), timeout=10
    )
    reply.raise_for_status()
    return reply.content


def test_a_content_is_committed_once_and_a_reader_fetches_it(
    github: Github, store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, github.connection())

    first = hook.repository_of("github_files").keep(SHA256, NAME, store)
    second = hook.repository_of("github_files").keep(SHA256, NAME, store)

    assert github.files == {PLACE: CONTENT}
    assert (second, github.commits) == (first, 1)
    assert fetched(first) == CONTENT
    assert "?" not in first["url"]
    assert WRITES not in json.dumps(first)


def test_a_public_repository_is_used_only_when_that_is_said(
    store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_github(private=False) as github:
        connect(monkeypatch, github.connection(read_token=""))
        with pytest.raises(errors.SettingsError, match="is public — everybody could read"):
            hook.repository_of("github_files").keep(SHA256, NAME, store)
        assert github.commits == 0

        connect(monkeypatch, github.connection(public=True))
        made = hook.repository_of("github_files").keep(SHA256, NAME, store)

        assert "headers" not in made
        assert fetched(made) == CONTENT


def test_a_private_one_needs_a_token_that_only_reads(
    github: Github, store: ContentStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(monkeypatch, github.connection(read_token=""))

    with pytest.raises(errors.SettingsError, match="as read_token"):
        hook.repository_of("github_files").keep(SHA256, NAME, store)

    assert github.commits == 0


def test_what_another_task_commits_in_that_moment_is_taken(
    github: Github, store: ContentStore, repository: hook.Repository
) -> None:
    """GitHub then misses the `sha` of what is there: 422."""

    def first(method: str, path: str) -> None:
        if method == "PUT":
            github.files[PLACE] = CONTENT

    github.instead = first

    assert fetched(repository.keep(SHA256, NAME, store)) == CONTENT
    assert github.commits == 1


def test_a_branch_that_moves_meanwhile_is_committed_to_again(
    github: Github, store: ContentStore, repository: hook.Repository
) -> None:
    moved = [(409, {"message": "is at 1 but expected 2", "status": "409"}, {})] * 2

    def instead(method: str, path: str) -> Answer | None:
        return moved.pop() if method == "PUT" and moved else None

    github.instead = instead

    assert fetched(repository.keep(SHA256, NAME, store)) == CONTENT
    assert (github.commits, moved) == (3, [])


def test_a_file_that_somebody_changed_there_is_not_handed_out(
    github: Github, store: ContentStore, repository: hook.Repository
) -> None:
    github.files[PLACE] = b"something else"

    with pytest.raises(errors.SettingsError, match="another content than its name says"):
        repository.keep(SHA256, NAME, store)


def test_a_file_that_is_too_large_is_told_where_it_belongs(
    github: Github, store: ContentStore, repository: hook.Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hook, "MAX_BYTES", len(CONTENT) - 1)

    with pytest.raises(errors.SettingsError, match=r"object storage that signs URLs \(S3"):
        repository.keep(SHA256, NAME, store)

    assert github.asked == []


@pytest.mark.parametrize(
    ("method", "answer", "error", "words"),
    [
        ("GET", (401, {"message": "Bad credentials"}, {}), errors.SettingsError, "Bad credentials.*expired"),
        ("GET", (404, {"message": "Not Found"}, {}), errors.SettingsError, "no such repository"),
        ("GET", (301, {"message": "Moved Permanently"}, {}), errors.SettingsError, "renamed"),
        ("PUT", (403, {"message": "Resource not accessible"}, {}), errors.SettingsError, "may not write"),
        ("PUT", (404, {"message": "Branch x not found"}, {}), errors.SettingsError, "Branch x not found"),
        ("PUT", (422, {"message": "path is malformed"}, {}), errors.SettingsError, "path is malformed"),
        ("PUT", (502, b"<html>", {}), errors.FilesBusy, "HTTP 502: Bad Gateway"),
        ("PUT", (403, {"message": "secondary rate limit"}, {}), errors.FilesBusy, "for 60 s"),
        ("GET", (429, {"message": "slow down"}, {"retry-after": "7"}), errors.FilesBusy, "for 7 s"),
    ],
)
def test_a_refusal_says_why_in_githubs_words_and_what_to_do(
    github: Github,
    store: ContentStore,
    repository: hook.Repository,
    method: str,
    answer: Answer,
    error: type[errors.DeflowError],
    words: str,
) -> None:
    github.instead = lambda asked, _: answer if asked == method else None

    with pytest.raises(error, match=words) as refused:
        repository.keep(SHA256, NAME, store)

    assert "ocean/outputs" in str(refused.value)
    assert refused.value.retryable is (error is errors.FilesBusy)


def test_a_used_up_allowance_is_waited_for_as_long_as_github_says(
    github: Github, store: ContentStore, repository: hook.Repository
) -> None:
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 1200)}
    github.instead = lambda *_: (403, {"message": "API rate limit exceeded"}, headers)

    with pytest.raises(errors.FilesBusy) as refused:
        repository.keep(SHA256, NAME, store)

    assert refused.value.retry_after_seconds == pytest.approx(1200, abs=5)


def test_a_github_that_does_not_answer_is_tried_again_and_no_token_is_shown(
    github: Github,
    store: ContentStore,
    repository: hook.Repository,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    repository.keep(SHA256, NAME, store)
    connect(monkeypatch, {**github.connection(), "host": "http://localhost:9"})
    nobody = hook.repository_of("github_files")
    connect(monkeypatch, {**github.connection(), "password": "ghp_canary-old"})
    refused = hook.repository_of("github_files")

    with pytest.raises(errors.FilesBusy, match="does not answer") as away:
        nobody.keep(SHA256, NAME, store)
    with pytest.raises(errors.SettingsError, match="token is wrong") as wrong:
        refused.keep(SHA256, NAME, store)

    said = [str(away.value), str(wrong.value), repr(refused.settings), str(refused), caplog.text]
    assert not [text for text in said if "canary" in text]
    assert WRITES not in str(github.files) + READS


@pytest.mark.parametrize(
    ("connection", "api"),
    [
        ({"conn_type": "github"}, "https://api.github.com"),
        ({"conn_type": "github", "host": "https://git.example/api/v3/"}, "https://git.example/api/v3"),
        ({"conn_type": "http", "host": "git.example", "schema": "https"}, "https://git.example"),
        ({"conn_type": "http", "host": "git.example", "port": 8443}, "https://git.example:8443"),
    ],
)
def test_a_repository_is_named_by_airflows_own_connections(
    connection: dict[str, Any], api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"owner": "ocean", "repo": "outputs", "branch": "data", "folder": "/a/b/"}
    connect(monkeypatch, {**connection, "password": WRITES, "extra": extra})

    found = hook.repository_of("github_files").settings

    assert (found.api, found.owner, found.name) == (api, "ocean", "outputs")
    assert (found.branch, found.folder, found.public) == ("data", "a/b", False)


def test_a_connection_that_names_no_repository_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    connect(monkeypatch, {"conn_type": "github", "extra": {"owner": "ocean"}})

    with pytest.raises(errors.SettingsError, match=r"it lacks token \(its password\), repo"):
        hook.repository_of("github_files")
