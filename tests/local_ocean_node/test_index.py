# SPDX-License-Identifier: Apache-2.0
"""What the node reads from a real chain and gives out: assets, their states, searches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from airflow_provider_deflow.chain.data_nft import MetadataFlags, MetadataState
from airflow_provider_deflow.local_ocean_node.settings import ChainSettings
from tests.local_ocean_node.publishing import Publisher, compact, until
from tests.local_ocean_node.running import Consumer, consumer, fast, recordings, running_ocean_node, shape
from tests.services import Chain, anvil

pytestmark = pytest.mark.chain

UNKNOWN = "did:op:" + "0" * 64
NO_LIST = {"query": {"bool": {"filter": "x"}}}
FILE = {"type": "url", "url": "http://localhost:9/data.csv", "method": "GET"}


def settings(folder: Path, chain: Chain) -> Any:
    return fast(folder, chains=(ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file),))


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, chain: Chain) -> Iterator[str]:
    with running_ocean_node(settings(tmp_path_factory.mktemp("indexing"), chain)) as url:
        yield url


@pytest.fixture(scope="module")
def publisher(chain: Chain, url: str) -> Publisher:
    return Publisher(chain, url)


@pytest.fixture
def alice(url: str) -> Consumer:
    return consumer(url, 1)


def same_as_recorded(reply: requests.Response, file: str, name: str) -> Any:
    """Its JSON, after status, type and shape were compared."""
    recorded = recordings(file)[name]["response"]
    assert reply.status_code == recorded["status"], reply.text
    assert reply.headers["content-type"] == recorded["headers"]["content-type"]
    if "text" in recorded["body"]:
        assert reply.text == recorded["body"]["text"]
        return None
    assert shape(reply.json()) == shape(recorded["body"]["json"])
    return reply.json()


def test_an_encrypted_ddo_is_read(publisher: Publisher, alice: Consumer):
    fields: dict[str, Any] = {"metadata": {"additionalInformation": {"termsAndConditions": True}}}
    asset = publisher.publish(FILE, service="access", **fields)
    recorded = recordings("ddo")["ddo-metadata"]["response"]["body"]["json"]

    found = publisher.indexed(asset.did)

    assert found is not None
    assert shape(found["indexedMetadata"]) == shape(recorded["indexedMetadata"])
    assert shape(found["datatokens"]) == shape(recorded["datatokens"])
    assert {name: value for name, value in found.items() if name in asset.ddo} == asset.ddo
    assert list(found)[-2:] == list(recorded)[-2:]
    assert found["indexedMetadata"]["event"]["txid"] == asset.transaction
    assert found["indexedMetadata"]["stats"][0]["orders"] == 0
    assert alice.get(f"/api/aquarius/assets/metadata/{asset.did}").json() == found
    assert alice.direct("getDDO", id=asset.did).json() == found


def test_a_ddo_in_the_clear_is_read(publisher: Publisher):
    asset = publisher.publish(FILE, encrypted=False)

    found = publisher.indexed(asset.did)

    assert found is not None
    assert found["metadata"]["description"] == "größe 数据"


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (f"/assets/ddo/{UNKNOWN}", "ddo-get-unknown"),
        ("/assets/ddo/nonsense", "ddo-get-bad"),
        (f"/assets/metadata/{UNKNOWN}", "ddo-metadata-unknown"),
        (f"/state/ddo?did={UNKNOWN}", "state-unknown"),
        ("/state/ddo", "state-nothing"),
    ],
)
def test_what_is_not_there(alice: Consumer, path: str, name: str):
    same_as_recorded(alice.get(f"/api/aquarius{path}"), "ddo", name)


def test_forced_the_node_looks_among_peers_only(publisher: Publisher, alice: Consumer):
    asset = publisher.publish(FILE)

    same_as_recorded(alice.get(f"/api/aquarius/assets/ddo/{asset.did}/true"), "ddo", "ddo-get-force")
    found = alice.direct("findDDO", id=asset.did)
    assert (found.status_code, found.text) == (
        500,
        "Unknown error: Cannot read properties of undefined (reading 'tx')",
    )


def test_the_state_of_an_asset_that_was_read(publisher: Publisher, alice: Consumer):
    asset = publisher.publish(FILE)

    state = same_as_recorded(alice.get("/api/aquarius/state/ddo", did=asset.did), "ddo", "state-did")

    assert (state["did"], state["valid"], state["error"], state["txId"]) == (asset.did, True, " ", " ")
    assert publisher.state(nft=asset.data_nft) == state
    # Its transaction is stored as a blank.
    assert publisher.state(txId=asset.transaction) is None


def test_a_ddo_that_breaks_its_schema_is_valid_and_has_an_error(publisher: Publisher):
    draft = publisher.draft(FILE)
    del draft.ddo["metadata"]["license"]

    asset = publisher.announce(draft)

    state = until(lambda: publisher.state(did=asset.did))
    assert (state["valid"], state["error"]) == (True, "Cannot read properties of null (reading 'id')")
    assert publisher.indexed(asset.did) is None


def test_why_others_are_not_indexed(publisher: Publisher):
    wrong_id, wrong_hash, not_ours, no_json = (publisher.draft(FILE) for _ in range(4))
    text = compact(wrong_hash.ddo).encode()

    publisher.announce(wrong_id, {**wrong_id.ddo, "id": UNKNOWN})
    publisher.announce_bytes(wrong_hash, text, bytes(32), MetadataFlags.PLAIN)
    publisher.announce_bytes(not_ours, b"\x04" * 200, bytes(32), MetadataFlags.ENCRYPTED)
    transaction = publisher.announce_bytes(no_json, b"{", bytes(32), MetadataFlags.PLAIN)

    reasons = [
        until(lambda asset=asset: publisher.state(did=asset.did))["error"]
        for asset in (wrong_id, wrong_hash, not_ours)
    ]
    assert reasons == [
        "Decrypted DDO ID does not match generated DID.",
        "Unencrypted DDO hash does not match metadata hash.",
        "Provider exception on decrypt DDO. Status: Provider validation failed: Bad Request",
    ]
    state = until(lambda: publisher.state(txId=transaction))
    assert (state["did"], state["valid"]) == (no_json.did, False)


def test_an_update_replaces_the_ddo(publisher: Publisher):
    asset = publisher.publish(FILE)
    changed = {**asset.ddo, "metadata": {**asset.ddo["metadata"], "name": "changed"}}

    updated = publisher.announce(asset, changed)

    def is_changed() -> dict[str, Any] | None:
        found = publisher.indexed(asset.did)
        return found if found and found["metadata"]["name"] == "changed" else None

    assert until(is_changed)["indexedMetadata"]["event"]["txid"] == updated.transaction


@pytest.mark.parametrize(
    ("state", "keys"),
    [
        (MetadataState.UNLISTED, None),
        (MetadataState.REVOKED, ["id", "version", "chainId", "nftAddress", "indexedMetadata"]),
    ],
)
def test_a_state_takes_an_asset_out_of_its_collection(
    publisher: Publisher, alice: Consumer, state: MetadataState, keys: list[str] | None
):
    asset = publisher.publish(FILE)

    publisher.set_state(asset, state)

    def has_state() -> dict[str, Any] | None:
        found = publisher.indexed(asset.did)
        return found if found and found["indexedMetadata"]["nft"] == {"state": state} else None

    found = until(has_state)
    assert keys is None or list(found) == keys
    query = {"query": {"bool": {"filter": [{"term": {"id": asset.did}}]}}}
    short, whole, *_ = alice.post("/api/aquarius/assets/metadata/query", query).json()
    assert (short["found"], whole["found"]) == (1, 0)


def search(alice: Consumer, **query: Any) -> list[str]:
    """The names in the collection of version 4.1.0 that were found."""
    results = alice.post("/api/aquarius/assets/metadata/query", query).json()
    return [hit["document"]["metadata"]["name"] for hit in results[1]["hits"]]


def test_searches(publisher: Publisher, alice: Consumer):
    for kind, name in (("algorithm", "first of all"), ("algorithm", "second"), ("dataset", "third")):
        publisher.publish(FILE, kind=kind, metadata={"name": name, "tags": ["searched", name]})
    asked = recordings("ddo")["query-type"]["request"]["body"]["json"]

    found = alice.post("/api/aquarius/assets/metadata/query", asked).json()

    recorded = recordings("ddo")["query-type"]["response"]["body"]["json"]
    assert [shape({**one, "hits": []}) for one in found] == [shape({**one, "hits": []}) for one in recorded]
    assert [list(hit) for hit in found[1]["hits"][:1]] == [["document", "highlights"]]
    assert {hit["document"]["metadata"]["type"] for hit in found[1]["hits"]} == {"algorithm"}
    tagged = "metadata.tags:=searched"
    assert search(alice, filter_by=tagged) == ["first of all", "second", "third"]
    assert search(alice, filter_by=f"{tagged} && metadata.type:=dataset") == ["third"]
    assert search(alice, filter_by=f"{tagged} && metadata.type:!=dataset") == ["first of all", "second"]
    assert search(alice, filter_by="metadata.name:=[`first of all`,third]") == ["first of all", "third"]
    assert search(alice, filter_by=f"{tagged} && chainId:>8996") == []
    assert search(alice, filter_by=tagged, q="FIR all", query_by="metadata.name") == ["first of all"]
    assert search(alice, filter_by=tagged, sort_by="metadata.name:desc") == [
        "third",
        "second",
        "first of all",
    ]
    must_not = [{"terms": {"metadata.name": ["second", "third"]}}]
    filters = [{"term": {"metadata.tags": "searched"}}]
    assert search(alice, query={"bool": {"filter": filters, "must_not": must_not}}) == ["first of all"]


@pytest.mark.parametrize(
    "body", [{}, {"query": {"match_all": {}}}, {"q": "*"}, {"filter_by": "(a:=1)"}, NO_LIST]
)
def test_searches_that_are_neither_form(alice: Consumer, body: dict):
    reply = alice.post("/api/aquarius/assets/metadata/query", body)

    assert reply.status_code == 500


def test_a_search_without_conditions_finds_whatever_there_is(alice: Consumer):
    assert alice.post("/api/aquarius/assets/metadata/query", {"query": {"bool": True}}).status_code == 200


def test_a_node_goes_on_where_it_was_and_begins_anew_on_another_chain(
    chain: Chain, tmp_path: Path, publisher: Publisher
):
    folder = tmp_path / "node"
    with running_ocean_node(settings(folder, chain)) as url:
        mine = Publisher(chain, url)
        asset = mine.publish(FILE)
    with running_ocean_node(settings(folder, chain)) as url:
        assert Publisher(chain, url).indexed(asset.did)

    with anvil() as (_, rpc_url):
        other = fast(folder, chains=(ChainSettings(chain.chain_id, rpc_url, chain.address_file),))
        with running_ocean_node(other) as url:
            until(lambda: not Publisher(chain, url).indexed(asset.did))


def test_a_chain_that_does_not_answer_leaves_the_node_at_work(chain: Chain, tmp_path: Path):
    gone = fast(tmp_path, chains=(ChainSettings(chain.chain_id, "http://127.0.0.1:9", chain.address_file),))
    with running_ocean_node(gone) as url:
        assert requests.get(f"{url}/api/aquarius/assets/ddo/{UNKNOWN}").status_code == 404
