# SPDX-License-Identifier: Apache-2.0
"""Uploads, Ocean Nodes and templates: what comes in is kept as it came, and what is given holds no secret."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_deflow.api import limits
from airflow_provider_deflow.api.catalogue import host_of
from airflow_provider_deflow.graphs import find_problems
from airflow_provider_deflow.hooks.storage import content_store
from tests.api.people import Asking, drawing

pytestmark = pytest.mark.stack

Ask = Callable[[str], Asking]


def test_an_upload_is_kept_by_its_content_and_a_node_can_name_it(ask: Ask, tmp_path: Path) -> None:
    content = b"a,b\n" * 700_000

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(content), 100_000):
            yield content[start : start + 100_000]

    kept = ask("user").fine(ask("user")("POST", "/uploads", params={"name": "rain.csv"}, content=pieces()))

    assert kept == {"sha256": hashlib.sha256(content).hexdigest(), "name": "rain.csv", "size": len(content)}
    with content_store().open(kept["sha256"]) as file:
        assert file.read() == content
    document = drawing("one", "a")
    document["nodes"][0]["data"]["datasets"] = [{"upload": kept["sha256"], "name": kept["name"]}]
    assert find_problems(document) == []


@pytest.mark.parametrize("name", ["", "../x", "a/b", "..", "a\nb", "x" * 256])
def test_an_upload_needs_a_file_name(ask: Ask, name: str) -> None:
    refused = ask("user")("POST", "/uploads", params={"name": name}, content=b"x")
    assert (refused.status_code, refused.json()["problems"][0]["where"]) == (422, "name")


def test_an_upload_that_is_too_large_is_refused_while_it_comes(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "UPLOAD_LIMIT_BYTES", 1000)
    for content in (b"x" * 1001, iter([b"x" * 900, b"x" * 101])):
        refused = ask("user")("POST", "/uploads", params={"name": "x"}, content=content)
        assert (refused.status_code, refused.json()["error"]) == (413, "too_large")
    assert ask("user")("POST", "/uploads", params={"name": "x"}, content=b"x" * 1000).status_code == 201


def test_templates_can_be_saved_and_published_as_they_are(ask: Ask) -> None:
    op = ask("op")
    templates = op.get("/templates")["templates"]
    assert {"one-box", "two-boxes", "disease-prediction"} == {each["slug"] for each in templates}
    for each in templates:
        assert op.create(each["document"])["problems"] == []
        assert op.publish(each["slug"], 1)["revision"] == 1


def test_the_files_of_the_example_are_in_the_storage(ask: Ask) -> None:
    example = next(
        each["document"]
        for each in ask("op").get("/templates")["templates"]
        if each["slug"] == "disease-prediction"
    )
    uploads = [one["upload"] for node in example["nodes"] for one in node["data"].get("datasets", [])]
    assert len(uploads) == 2
    assert all(content_store().has(sha256) for sha256 in uploads)


def test_an_ocean_node_is_listed_without_its_login(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "ocean_node", "host": "https://me:secret@node.example:8001/path?key=secret"}
    monkeypatch.setenv("AIRFLOW_CONN_MINE", json.dumps(connection))
    assert host_of("mine") == "node.example:8001"
    assert host_of("deflow_mongo") is None
    assert host_of("none") is None


def test_environments_are_only_for_who_may_read_the_connection(ask: Ask) -> None:
    path = "/ocean-nodes/ocean_node_default/environments"
    assert ask("user")("GET", path).status_code == 403
    assert ask("op")("GET", path).json()["error"] == "not_found"


def test_an_ocean_node_that_is_away_is_told_as_that(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_MINE", json.dumps({"conn_type": "ocean_node", "host": "http://127.0.0.1:9"})
    )
    away = ask("op")("GET", "/ocean-nodes/mine/environments")
    assert (away.status_code, away.json()["error"]) == (504, "ocean_node_unreachable")
