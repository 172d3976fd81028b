# SPDX-License-Identifier: Apache-2.0
"""Uploads, Ocean Nodes and templates: what comes in is kept as it came, and what is given holds no secret."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airflow_provider_deflow.api import limits
from airflow_provider_deflow.api.catalogue import host_of, wallet_of
from airflow_provider_deflow.graphs import find_problems
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.signing import KeySigner
from tests.api.people import Asking, drawing
from tests.api.server import Server

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


def test_a_wallet_is_listed_with_its_address_and_no_secret(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    key = "0x" + "17" * 32
    on_chain = {
        "rpc_url": "https://rpc.example/canary-key",
        "chain_id": 11155111,
        "ocean_nodes": ["https://me:canary@node.example:8001/canary"],
    }
    for name, extra in {"PAYS": on_chain, "SIGNS": {}, "BROKEN": {**on_chain, "chain_id": "x"}}.items():
        wallet = {"conn_type": "ocean_wallet", "password": key, "extra": extra}
        monkeypatch.setenv(f"AIRFLOW_CONN_{name}", json.dumps(wallet))
    monkeypatch.setenv("AIRFLOW_CONN_NO_KEY", json.dumps({"conn_type": "ocean_wallet"}))
    address = KeySigner(key).address

    found = {conn_id: wallet_of(conn_id) for conn_id in ("pays", "signs", "broken", "no_key")}

    shown = {conn_id: wallet.model_dump() for conn_id, wallet in found.items() if wallet}
    assert shown["pays"] == {
        "conn_id": "pays",
        "address": address,
        "chain_id": 11155111,
        "has_chain": True,
        "ocean_nodes": ["node.example:8001"],
    }
    assert (shown["signs"]["has_chain"], shown["broken"]["has_chain"]) == (False, False)
    assert (shown["broken"]["address"], shown["no_key"]["address"]) == (address, None)
    assert not {"canary", key, key[2:]} & set(re.findall(r"\w+", str(shown)))
    assert wallet_of("deflow_mongo") is None
    assert wallet_of("none") is None


def test_wallets_are_for_who_may_read_the_connections(api_server: Server) -> None:
    assert api_server.ask("user").get("/wallets") == {"wallets": []}
    listed = api_server.ask("op").get("/wallets")["wallets"]
    assert {"ocean_wallet_default", "ocean_wallet_on_sepolia"} <= {each["conn_id"] for each in listed}
    assert "canary" not in str(listed)
