# SPDX-License-Identifier: Apache-2.0
"""Published assets: indexed with what the chain says, and found."""

from __future__ import annotations

import hashlib

import pytest
import requests

from tests.conformance.on_chain.publishing import Asset, compact, wait_until_indexed
from tests.conformance.session import Node
from tests.conformance.test_index import ASSETS, said

pytestmark = pytest.mark.usefixtures("index")


def state(node: Node, **query: str) -> requests.Response:
    return node.get("/api/aquarius/state/ddo", **query)


def test_a_ddo_is_indexed_with_what_the_chain_says(node: Node, download: Asset):
    found = wait_until_indexed(node, download.did)

    assert {name: found[name] for name in download.ddo} == download.ddo
    assert [token["address"] for token in found["datatokens"]] == [download.datatoken]
    about = found["indexedMetadata"]
    assert (about["nft"]["state"], about["nft"]["address"]) == (0, download.data_nft)
    assert about["event"]["txid"] == download.transaction
    assert node.get(f"{ASSETS}/metadata/{download.did}").json() == found
    # Forced, it asks other nodes.
    assert said(node.get(f"{ASSETS}/ddo/{download.did}/true")) == (404, "DDO not found")


def test_a_ddo_in_the_clear_is_indexed(node: Node, dataset: Asset):
    assert wait_until_indexed(node, dataset.did)["services"] == dataset.ddo["services"]


def test_the_state_is_found_by_did_and_nft_and_not_by_transaction(node: Node, download: Asset):
    by_did = state(node, did=download.did).json()

    assert list(by_did) == ["id", "chainId", "did", "nft", "txId", "valid", "error"]
    assert (by_did["valid"], by_did["error"], by_did["txId"]) == (True, " ", " ")
    assert state(node, nft=download.data_nft).json() == by_did
    assert said(state(node, txId=download.transaction)) == (404, "Not found")


def test_a_search_finds_it(node: Node, download: Asset):
    query = {"query": {"bool": {"filter": [{"term": {"id": download.did}}]}}}
    reply = node.post(f"{ASSETS}/metadata/query", query)

    # With Typesense a set of hits per schema, with Elasticsearch the documents.
    found = [hit["document"] for one in reply.json() for hit in one.get("hits", [])] or reply.json()
    assert download.did in [document["id"] for document in found]


def test_validate_gives_the_hash_that_was_published(node: Node, download: Asset):
    reply = node.post(f"{ASSETS}/ddo/validate", {"ddo": download.ddo})

    assert reply.json()["hash"] == "0x" + hashlib.sha256(compact(download.ddo)).hexdigest()
