# SPDX-License-Identifier: Apache-2.0
"""Assets in the catalogue: what a local Ocean Node indexed from a real chain, found by search."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from airflow_provider_deflow.api import asset_view, assets
from airflow_provider_deflow.chain.data_nft import MetadataState
from airflow_provider_deflow.local_ocean_node.settings import ChainSettings
from tests.api.people import Asking
from tests.local_ocean_node.file_server import running_file_server
from tests.local_ocean_node.publishing import Asset, Publisher, until
from tests.local_ocean_node.running import fast, running_ocean_node
from tests.publishing_parts import Publishing, algorithm, dataset
from tests.services import KEYS, Chain

pytestmark = [pytest.mark.stack, pytest.mark.chain]

Ask = Callable[[str], Asking]
FILE = {"type": "url", "url": "http://localhost:9/data.csv", "method": "GET"}
NODE = {"ocean_node": "indexing"}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, chain: Chain) -> Iterator[str]:
    served = ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file)
    with running_ocean_node(fast(tmp_path_factory.mktemp("node"), chains=(served,))) as url:
        yield url


@pytest.fixture(scope="module")
def rain(chain: Chain, url: str) -> list[Asset]:
    """More than a data base gives at once when nobody says how many."""
    publisher = Publisher(chain, url)
    return [
        publisher.publish(FILE, metadata={"name": f"Rain {n}", "author": "met-office", "tags": ["wet"]})
        for n in range(12)
    ]


@pytest.fixture(autouse=True)
def connection(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    node = {"conn_type": "ocean_node", "host": url, "extra": {"requests_per_minute": 100_000}}
    monkeypatch.setenv("AIRFLOW_CONN_INDEXING", json.dumps(node))
    monkeypatch.setattr(assets, "KEPT_SECONDS", 0.0)


def found(ask: Ask, search: str = "", **more: Any) -> list[str]:
    page = ask("op").get("/assets", params={**NODE, "search": search, **more})
    assert page["is_complete"] is True
    return [each["name"] for each in page["assets"]]


def test_assets_are_found_by_their_words_however_many_there_are(ask: Ask, rain: list[Asset]) -> None:
    assert sorted(found(ask, "rain met-office")) == sorted(f"Rain {n}" for n in range(12))
    assert found(ask, "WET rain 11") == ["Rain 11"]
    assert found(ask, "rain", kind="algorithm") == []
    assert found(ask, rain[3].did) == ["Rain 3"]
    first = ask("op").get("/assets", params={**NODE, "search": "rain", "kind": "dataset", "limit": 5})
    rest = ask("op").get("/assets", params={**NODE, "search": "rain", "limit": 50, "offset": 5})
    names = [each["name"] for each in [*first["assets"], *rest["assets"]]]
    assert (first["total"], len(first["assets"]), sorted(set(names))) == (12, 5, sorted(names))


@pytest.mark.parametrize("search", ["-rain", '"rain 1"', "metadata.type:=dataset", "rain || x", "*", "%"])
def test_what_is_searched_for_is_text_and_no_query(ask: Ask, rain: list[Asset], search: str) -> None:
    assert [name for name in found(ask, search) if name.startswith("Rain")] == []


def test_an_asset_says_what_it_takes_to_use_it(ask: Ask, chain: Chain, url: str, mongo_database: Any) -> None:
    publishing = Publishing(chain, url, KEYS[7], mongo_database)
    with running_file_server() as files:
        parameter = {"name": "depth", "type": "number", "label": "Depth", "description": "How deep"}
        parameters = ({**parameter, "required": False, "default": "1"},)
        made = algorithm(f"{files}/algo.py", price={"kind": "free"}).model_copy()
        described = made.algorithm
        assert described is not None
        made = made.model_copy(
            update={"algorithm": described.model_copy(update={"consumer_parameters": parameters})}
        )
        trusted = publishing.publish(made, "catalogue algorithm")
        sold = dataset(f"{files}/n.txt", price={"kind": "fixed_rate", "price": "2.50"}, name="Sold numbers")
        policy = {"trusted_algorithms": [trusted.did]}
        services = [{**sold.services[0].model_dump(), "compute": policy}]
        bought = publishing.publish(
            type(sold).of({**sold.model_dump(), "services": services}), "catalogue dataset"
        )

    code = ask("op").get(f"/assets/{trusted.did}", params=NODE)
    data = ask("op").get(f"/assets/{bought.did}", params=NODE)

    assert code["algorithm"]["consumer_parameters"] == list(parameters)
    assert (code["algorithm"]["image"], code["algorithm"]["tag"]) == ("python", "3.11")
    assert code["services"][0]["price"] == {"kind": "free", "amount": "0", "token": None}
    assert (data["algorithm"], data["trusted_algorithms"], data["state"]) == (None, [trusted.did], "active")
    assert data["services"][0]["price"] == {
        "kind": "fixed_rate",
        "amount": "2.5",
        "token": publishing.network.address("Ocean"),
    }
    assert data["services"][0]["datatoken"] == bought.datatoken
    assert found(ask, "sold numbers") == ["Sold numbers"]


def test_an_asset_out_of_use_is_told_as_that(ask: Ask, chain: Chain, url: str) -> None:
    publisher = Publisher(chain, url)
    asset = publisher.publish(FILE, metadata={"name": "Not for long"})
    publisher.set_state(asset, MetadataState.REVOKED)

    def gone() -> Any:
        reply = ask("op")("GET", f"/assets/{asset.did}", params=NODE)
        return reply if reply.status_code != 200 else None

    assert "out of use" in until(gone).json()["message"]
    assert found(ask, "Not for long") == []
    unknown = ask("op")("GET", f"/assets/did:op:{'0' * 64}", params=NODE)
    assert (unknown.status_code, unknown.json()["error"]) == (404, "not_found")


def test_only_who_may_read_the_connection_sees_its_assets(ask: Ask) -> None:
    for path in ("/assets", f"/assets/did:op:{'0' * 64}"):
        assert ask("user")("GET", path, params=NODE).status_code == 403
        assert ask("")("GET", path, params=NODE).status_code == 401
    assert ask("op")("GET", "/assets", params={"ocean_node": "no_such"}).json()["error"] == "not_found"


def test_an_ocean_node_without_an_index_says_so(
    ask: Ask, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_ocean_node(fast(tmp_path_factory.mktemp("plain"))) as url:
        monkeypatch.setenv("AIRFLOW_CONN_PLAIN", json.dumps({"conn_type": "ocean_node", "host": url}))
        refused = ask("op")("GET", "/assets", params={"ocean_node": "plain"})
    assert (refused.status_code, refused.json()["error"]) == (502, "ocean_node")
    assert "no data base" in refused.json()["message"]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"metadata": {"type": "dataset"}},
        {"id": 5, "metadata": {"type": "algorithm", "tags": 7, "algorithm": []}, "services": [{}, 3]},
        {"metadata": {"type": "dataset", "name": "\ud800"}, "indexedMetadata": {"nft": {"state": "x"}}},
        {
            "metadata": {"type": "dataset"},
            "services": [{"datatokenAddress": "0x1", "timeout": "x", "compute": {"x": 1}}],
            "indexedMetadata": {
                "stats": [{"datatokenAddress": "0x1", "prices": [{"type": "fixedrate", "price": "NaN"}]}]
            },
        },
    ],
)
def test_an_odd_document_does_not_hide_the_others(document: dict[str, Any]) -> None:
    if asset_view.is_shown(document):
        assert asset_view.holds(document, ["x"]) is False
        asset_view.line_of(document).model_dump_json()
        asset_view.view_of(document).model_dump_json()
