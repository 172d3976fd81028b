# SPDX-License-Identifier: Apache-2.0
"""Assets: what needs no index, and how a node without one says so."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import requests

from tests.conformance.session import API, Account, Node, Record

UNKNOWN_DID = "did:op:" + "0" * 64
ASSETS = "/api/aquarius/assets"
VALIDATE = f"{ASSETS}/ddo/validate"


def said(reply: requests.Response) -> tuple[int, str]:
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    return reply.status_code, reply.text


def ddo() -> Record:
    """Of a dataset that nobody published; valid in form."""
    nft = "0x194de74cE288462B223B49271BC7D7350beB3329"
    return {
        "@context": ["https://w3id.org/did/v1"],
        "id": "did:op:" + hashlib.sha256(f"{nft}8996".encode()).hexdigest(),
        "version": "4.1.0",
        "chainId": 8996,
        "nftAddress": nft,
        "metadata": {
            "created": "2026-11-21T20:00:00Z",
            "updated": "2026-11-21T20:00:00Z",
            "type": "dataset",
            "name": "conformance",
            "description": "conformance: größe 数据",
            "author": "account 4",
            "license": "https://market.oceanprotocol.com/terms",
            "tags": ["wire"],
            "additionalInformation": {"termsAndConditions": True},
        },
        "services": [
            {
                "id": "da93da8f52dca9fc88c5b813c98b3b21bd4ae644db4255da4030c522615b43d8",
                "type": "access",
                "name": "conformance",
                "description": "conformance",
                "files": "0x04ca5b6b2f066cc147aac50fdd25b072d7e88378",
                "datatokenAddress": "0x3CD358db2618d138D3e95609fb607bA4D09db949",
                "serviceEndpoint": "http://node.test:8001",
                "timeout": 86400,
            }
        ],
    }


def test_validate_signs_the_hash_of_the_compact_json(node: Node):
    reply = node.post(VALIDATE, {"ddo": ddo()})
    text = json.dumps(ddo(), separators=(",", ":"), ensure_ascii=False)

    assert (reply.status_code, list(reply.json())) == (200, ["hash", "publicKey", "r", "s", "v"])
    assert reply.json()["hash"] == "0x" + hashlib.sha256(text.encode()).hexdigest()
    assert reply.json()["publicKey"] == node.get("/").json()["providerAddress"]
    assert reply.json()["v"] in (27, 28)


def test_validate_refuses_without_saying_why(node: Node):
    nameless = ddo()
    del nameless["metadata"]["name"]

    assert said(node.post(VALIDATE, {"ddo": nameless})) == (400, "Validation error: [object Object]")
    assert said(node.post(VALIDATE, {})) == (
        400,
        'Missing one ( "ddo" ) or more required field(s) for command: "validateDDO". Required fields: ddo',
    )


def test_validate_looks_at_a_signature_that_is_sent(stranger: Account):
    def fields(command: str) -> dict[str, Any]:
        return {**stranger.signed(command, key="publisherAddress"), "ddo": ddo()}

    wrong = stranger.node.post(VALIDATE, fields("somethingElse"))

    assert said(wrong) == (401, "consumer address and nonce signature mismatch")
    assert stranger.node.post(VALIDATE, fields("validateDDO")).status_code == 200


def test_a_did_must_be_one(node: Node):
    assert said(node.get(f"{ASSETS}/ddo/nonsense")) == (
        400,
        'Missing or invalid required parameter: "did"',
    )


def test_an_unknown_did_is_not_found(node: Node):
    assert said(node.get(f"{ASSETS}/ddo/{UNKNOWN_DID}")) == (404, "DDO not found")
    assert said(node.get(f"{ASSETS}/ddo/{UNKNOWN_DID}/true")) == (404, "DDO not found")
    assert said(node.get(f"{ASSETS}/metadata/{UNKNOWN_DID}")) == (404, "DDO not found")


def test_initialize_of_an_unknown_did_is_refused(stranger: Account):
    reply = stranger.node.get(
        f"{API}/initialize", documentId=UNKNOWN_DID, serviceId="s", consumerAddress=stranger.address
    )

    assert said(reply) == (500, "Asset provided is either null, either undefined null")


def test_access_lists_need_a_wallet(node: Node):
    assert said(node.get(f"{API}/accesslists")) == (400, "Missing required query param: wallet")
    assert said(node.get(f"{API}/accesslists", wallet="x")) == (400, "Invalid wallet address")


def test_escrow_events_of_a_chain_that_is_no_number(node: Node):
    assert said(node.get(f"{API}/escrow/events", chainId="x")) == (400, "chainId must be a number")


def test_without_an_index_nothing_is_found(unindexed: Node):
    node, query = unindexed, {"query": {"match_all": {}}}

    assert said(node.post(f"{ASSETS}/metadata/query", query)) == (500, "Internal Server Error")
    assert said(node.get("/api/aquarius/state/ddo", did=UNKNOWN_DID)) == (
        503,
        "DDO State database is not available",
    )
    assert said(node.get(f"{API}/escrow/events")) == (503, "Escrow database is not available")


@pytest.mark.usefixtures("index")
def test_the_state_of_what_was_never_indexed(node: Node):
    assert said(node.get("/api/aquarius/state/ddo", did=UNKNOWN_DID)) == (404, "Not found")
    assert said(node.get("/api/aquarius/state/ddo")) == (
        400,
        'Missing or invalid required parameters, you need to specify one of: "did", "txId", "nft"',
    )


@pytest.mark.usefixtures("index")
def test_a_search_without_a_query_is_an_internal_error(node: Node):
    assert said(node.post(f"{ASSETS}/metadata/query", {})) == (500, "Internal Server Error")


@pytest.mark.usefixtures("index")
def test_nobody_has_no_events_and_no_access_lists(stranger: Account):
    node, address = stranger.node, stranger.address
    unknown = "0x1111111111111111111111111111111111111111"

    assert node.get(f"{API}/escrow/events", payer=address).json() == []
    assert node.get(f"{API}/accesslists", wallet=address).json() == []
    assert said(node.get(f"{API}/accesslists/8996/{unknown}")) == (404, "AccessList not found")
