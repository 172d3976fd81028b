# SPDX-License-Identifier: Apache-2.0
"""Assets, searches, validations and the escrow's events, asked and read as a real node had them."""

from __future__ import annotations

import json

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import asset_routes, client, escrow_routes, exchange, routes
from airflow_provider_deflow.ocean.asset_routes import DdoState
from airflow_provider_deflow.signing import KeySigner

URL = "http://node.test:8001"
PAYER = "0x9965507D1a55bcC2695C58ba16FB37d819B0A4dc"
NODE = "0xe2DD09d719Da89e5a3D0F2549c7E24566e947260"
DID = "did:op:bed3397d8c45ec618b15c06e1b80d9132de4beb94784f8b2536ba8fde7902c95"


@pytest.fixture(scope="module")
def payer() -> KeySigner:
    """Account 5 of the public test mnemonic."""
    return KeySigner("0x8b3a350cf5c34c9194ca85829a2df0ec3153be0318b5e2d3348e872092edffba")


def sent(recorded, file, name) -> dict:
    request = recorded(file, name)["request"]
    return {**(request["query"] or {}), **((request["body"] or {}).get("json") or {})}


UNSIGNED = [
    ("ddo", "ddo-get", lambda _: asset_routes.ddo(DID)),
    (
        "ddo",
        "query-type",
        lambda _: asset_routes.search(
            {"query": {"bool": {"filter": [{"term": {"metadata.type": "algorithm"}}]}}}
        ),
    ),
    ("ddo", "state-did", lambda _: asset_routes.ddo_state(did=DID)),
    ("ddo", "validate-data-access", lambda asked: asset_routes.validate(asked["ddo"])),
    (
        "download",
        "initialize",
        lambda asked: asset_routes.access_quote(asked["documentId"], asked["serviceId"], PAYER.lower()),
    ),
    ("escrow-routes", "escrow-events-all", lambda _: escrow_routes.escrow_events()),
    (
        "escrow-routes",
        "escrow-events-payer",
        lambda _: escrow_routes.escrow_events(chain_id=8996, payer=PAYER),
    ),
    ("escrow-routes", "escrow-events-lock", lambda _: escrow_routes.escrow_events(kind="Lock", size=3)),
    ("escrow-routes", "escrow-events-page", lambda _: escrow_routes.escrow_events(size=1, offset=1)),
    (
        "escrow-routes",
        "access-list-wallet",
        lambda _: escrow_routes.access_lists_of("0x70997970c51812dc3a010c7d01b50e0d17dc79c8"),
    ),
    ("escrow-routes", "access-list-unknown", lambda _: escrow_routes.access_list(8996, "0x" + "11" * 20)),
]


@pytest.mark.parametrize(("file", "name", "build"), UNSIGNED, ids=[name for _, name, _ in UNSIGNED])
def test_what_is_asked_is_what_the_node_was_asked(recorded, file, name, build):
    request = recorded(file, name)["request"]
    route = build(sent(recorded, file, name))
    ours = {**route.query, **json.loads(routes.encoded(route.body or {}))}
    assert (route.method, route.path) == (request["method"], request["path"])
    assert ours == sent(recorded, file, name)
    assert route.command is None


@pytest.mark.parametrize("name", ["decrypt-tx", "decrypt-document"])
def test_a_ddo_is_decrypted_as_the_node_was_asked(recorded, payer, name):
    asked = sent(recorded, "encrypt-fileinfo", name)
    if name == "decrypt-tx":
        route = asset_routes.decrypt(8996, asked["dataNftAddress"], asked["transactionId"])
    else:
        route = asset_routes.decrypt_document(
            8996, asked["dataNftAddress"], asked["encryptedDocument"], 2, asked["documentHash"]
        )
    assert routes.signed(route, payer, int(asked["nonce"])).body == asked
    body = recorded.body("encrypt-fileinfo", name)
    assert exchange.answer(route, URL, body)["id"] == DID


@pytest.mark.parametrize("name", ["download-file-1", "download-userdata"])
def test_a_file_is_downloaded_as_the_node_was_asked(recorded, payer, name):
    asked = sent(recorded, "download", name)
    route = asset_routes.download(
        asked["documentId"],
        asked["serviceId"],
        int(asked["fileIndex"]),
        asked["transferTxId"],
        asked.get("userdata"),
    )
    assert routes.signed(route, payer, int(asked["nonce"])).query == asked


def test_a_search_gives_documents_whatever_data_base_the_node_has(recorded):
    route = asset_routes.search({})
    found = exchange.answer(route, URL, recorded.body("ddo", "query-type"))
    assert [ddo["metadata"]["type"] for ddo in found] == ["algorithm", "algorithm"]
    elasticsearch = json.dumps([{"id": "did:op:1"}, {"id": "did:op:2"}]).encode()
    assert [ddo["id"] for ddo in exchange.answer(route, URL, elasticsearch)] == ["did:op:1", "did:op:2"]


def test_an_asset_that_broke_its_schema_is_not_indexed_though_the_node_calls_it_valid():
    reply = {"did": "d", "nft": "n", "chainId": 1, "txId": " ", "valid": True}
    assert DdoState.from_reply({**reply, "error": " "}).is_indexed
    failed = DdoState.from_reply({**reply, "error": "Cannot read properties of null (reading 'id')"})
    assert not failed.is_indexed
    assert failed.error.startswith("Cannot read")


def test_the_events_of_the_escrow_have_whole_numbers_and_addresses(recorded):
    def events(name):
        return exchange.answer(escrow_routes.escrow_events(), URL, recorded.body("escrow-routes", name))

    locked = events("escrow-events-lock")[0]
    assert (locked.kind, locked.payer, locked.payee, locked.chain_id) == ("Lock", PAYER, NODE, 8996)
    assert locked.job_id == 33610833823663562599585915371292731300998784682330463806530888049888536328673
    assert locked.amount == 2_000_000_000_000_000_000
    authorized = events("escrow-events-page")[0]
    assert (authorized.kind, authorized.token) == ("Auth", None)
    assert authorized.amount == 100_000_000_000_000_000_000
    assert (authorized.job_id, authorized.payee) == (None, NODE)


def test_the_hash_of_a_locked_job_is_the_number_that_the_escrow_has(recorded):
    """So a job is found among the locks by what its record says."""
    job = recorded.jobs("paid-jobs")["paid-raw-start"]
    lock = next(
        event
        for event in exchange.answer(
            escrow_routes.escrow_events(), URL, recorded.body("escrow-routes", "escrow-events-lock")
        )
        if event.tx_hash == job["payment"]["lockTx"]
    )
    assert lock.job_id == int(job["jobIdHash"], 16)


def test_an_event_nobody_has_heard_of_is_not_guessed():
    with pytest.raises(errors.UnexpectedReply, match="'eventType' must be one of"):
        exchange.answer(escrow_routes.escrow_events(), URL, b'[{"eventType":"ReLock"}]')


def test_any_route_is_asked_by_either_client(scripted_node, recorded):
    scripted_node.answer("GET", f"/api/aquarius/assets/ddo/{DID}", (200, recorded.body("ddo", "ddo-get")))
    with client.OceanNode(scripted_node.url) as node:
        assert node.ask(asset_routes.ddo(DID))["metadata"]["description"] == "data-trust: größe 数据"


def test_a_did_is_one_segment_of_a_path():
    assert asset_routes.ddo("../a b?c").path == "/api/aquarius/assets/ddo/..%2Fa%20b%3Fc"
