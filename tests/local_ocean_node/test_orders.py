# SPDX-License-Identifier: Apache-2.0
"""Assets that are ordered on a real chain, and then downloaded or computed with."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from airflow_provider_deflow.chain.data_nft import MetadataState
from airflow_provider_deflow.chain.datatoken import Datatoken, ProviderFee
from airflow_provider_deflow.chain.escrow import Escrow
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.local_ocean_node import orders
from airflow_provider_deflow.local_ocean_node.settings import ChainSettings, EnvironmentSettings, Fees
from tests.local_ocean_node.file_server import FileServer
from tests.local_ocean_node.publishing import FOR_EVERYBODY, Asset, Publisher, until
from tests.local_ocean_node.running import (
    Consumer,
    consumer,
    fast,
    python_image,
    recordings,
    running_ocean_node,
    shape,
)
from tests.services import KEYS, Chain

pytestmark = pytest.mark.chain

UNKNOWN = "did:op:" + "0" * 64
ALGORITHM = {
    "algorithm": {
        "language": "python",
        "version": "0.1",
        "container": {**python_image(), "checksum": "", "image": "python"},
    }
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, chain: Chain) -> Iterator[str]:
    environment = EnvironmentSettings(
        cpu=2,
        ram=8,
        disk=10,
        fees=(Fees(chain.chain_id, chain.fee_token, (("cpu", 1.0),)),),
        free_cpu=1,
        free_ram=1,
        free_disk=1,
    )
    served = ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file)
    settings = fast(tmp_path_factory.mktemp("orders"), chains=(served,), environments=(environment,))
    with running_ocean_node(settings) as url:
        yield url


@pytest.fixture(scope="module")
def publisher(chain: Chain, url: str) -> Publisher:
    return Publisher(chain, url)


@pytest.fixture(scope="module")
def buyer(chain: Chain) -> Sender:
    return Sender(chain.web3, KEYS[1])


@pytest.fixture
def alice(url: str) -> Consumer:
    return consumer(url, 1)


@pytest.fixture
def bob(url: str) -> Consumer:
    return consumer(url, 2)


def file(address: str) -> dict[str, Any]:
    return {"type": "url", "url": address, "method": "GET"}


@pytest.fixture(scope="module")
def data(publisher: Publisher, file_server: str) -> Asset:
    """For download: two files."""
    return publisher.publish(file(f"{file_server}/n.txt"), file(f"{file_server}/a%20b.txt"), service="access")


@pytest.fixture(scope="module")
def dataset(publisher: Publisher, file_server: str) -> Asset:
    """For compute, by any algorithm of anybody."""
    return publisher.publish(file(f"{file_server}/n.txt"))


@pytest.fixture(scope="module")
def algorithm(publisher: Publisher, file_server: str) -> Asset:
    return publisher.publish(file(f"{file_server}/algo.py"), kind="algorithm", metadata=ALGORITHM)


def element(asset: Asset, **fields: Any) -> dict[str, Any]:
    return {"documentId": asset.did, "serviceId": asset.service_id, **fields}


def initialize(who: Consumer, asset: Asset, **query: Any) -> requests.Response:
    fields = {"documentId": asset.did, "serviceId": asset.service_id, "consumerAddress": who.address}
    return who.get("/api/services/initialize", **{**fields, **query})


def download(who: Consumer, asset: Asset, transaction: str | None, **query: Any) -> requests.Response:
    fields = {
        **who.signed("download"),
        "fileIndex": 0,
        "documentId": asset.did,
        "serviceId": asset.service_id,
        "transferTxId": transaction,
    }
    return who.get("/api/services/download", **{**fields, **query})


@pytest.fixture(scope="module")
def order(publisher: Publisher, buyer: Sender, data: Asset, url: str) -> str:
    alice = consumer(url, 1)
    fee = initialize(alice, data).json()["providerFee"]
    return publisher.order(data, buyer, alice.address, fee)


def same_as_recorded(reply: requests.Response, name: str, file: str = "download") -> None:
    recorded = recordings(file)[name]["response"]
    assert reply.status_code == recorded["status"], reply.text
    assert reply.headers["content-type"] == recorded["headers"]["content-type"]
    if "json" in recorded["body"]:
        assert shape(reply.json()) == shape(recorded["body"]["json"])
    else:
        assert reply.text == recorded["body"]["text"]


# download


def test_the_fee_of_a_download(alice: Consumer, data: Asset, chain: Chain):
    reply = initialize(alice, data)

    same_as_recorded(reply, "initialize")
    answer = reply.json()
    assert (answer["datatoken"], answer["computeAddress"]) == (data.datatoken, alice.address)
    fee = answer["providerFee"]
    assert (fee["providerFeeToken"], fee["providerFeeAmount"]) == (chain.fee_token, "0")
    assert json.loads(bytes.fromhex(fee["providerData"][2:])) == {"dt": data.datatoken, "id": data.service_id}


def test_what_cannot_be_initialized(alice: Consumer, data: Asset, dataset: Asset):
    same_as_recorded(initialize(alice, data, documentId=UNKNOWN), "initialize-unknown")
    same_as_recorded(initialize(alice, data, serviceId="none"), "initialize-unknown-service")
    compute = initialize(alice, dataset)
    assert (compute.status_code, compute.text) == (
        500,
        "Use the initializeCompute endpoint to initialize compute jobs",
    )
    late = initialize(alice, data, validUntil=9_999_999_999)
    assert (late.status_code, late.text) == (500, "Required validUntil is higher than service timeout")


def test_an_ordered_file_is_downloaded_again_and_again(alice: Consumer, data: Asset, order: str):
    recorded = recordings("download")["download-file-0"]["response"]

    for _ in range(2):
        reply = download(alice, data, order)
        assert (reply.status_code, reply.content) == (200, b"42\n")
        assert reply.headers["content-type"] == recorded["headers"]["content-type"]
        assert reply.headers["content-length"] == "3"
        assert reply.headers["content-disposition"] == "attachment;filename=n.txt"
    second = download(alice, data, order, fileIndex=1)
    assert (second.content, second.headers["content-disposition"]) == (
        b"blank",
        "attachment;filename=a%20b.txt",
    )


def test_a_range_is_not_passed_on(alice: Consumer, data: Asset, order: str):
    query = {**alice.signed("download"), "fileIndex": 0, **element(data), "transferTxId": order}

    reply = requests.get(f"{alice.url}/api/services/download", params=query, headers={"range": "bytes=1-"})

    assert (reply.status_code, reply.content) == (200, b"42\n")


def test_user_data_goes_into_the_query(alice: Consumer, data: Asset, order: str):
    FileServer.asked.clear()

    reply = download(alice, data, order, userdata='{"k":"v w"}')

    assert reply.content == b"42\n"
    assert FileServer.asked == ["/n.txt?k=v+w", "/n.txt?k=v+w"]


def test_downloads_that_are_refused(alice: Consumer, data: Asset, dataset: Asset, order: str):
    same_as_recorded(download(alice, data, order, fileIndex=9), "download-file-9")
    same_as_recorded(download(alice, data, "0x" + "33" * 32), "download-unknown-tx")
    same_as_recorded(download(alice, data, None), "download-no-tx")
    same_as_recorded(download(alice, data, order, serviceId="none"), "download-wrong-service")
    same_as_recorded(download(alice, dataset, order), "download-compute-service")
    same_as_recorded(download(alice, data, order, signature=None), "download-no-auth")
    wrong = alice.signed("encrypt")
    same_as_recorded(download(alice, data, order, **wrong), "download-bad-signature")
    same_as_recorded(download(alice, data, order, serviceId="0"), "download-wrong-service")
    unknown = download(alice, data, order, documentId=UNKNOWN)
    assert (unknown.status_code, unknown.text) == (500, "No DDO found for asset")


def test_somebody_elses_order(bob: Consumer, data: Asset, order: str):
    reply = download(bob, data, order)

    assert reply.status_code == 500
    assert reply.text == (
        "Tx id used not valid, one of the NFT addresses, Datatoken address or the User address "
        "contract address does not match."
    )


def test_an_order_expires(alice: Consumer, data: Asset, order: str, monkeypatch: pytest.MonkeyPatch):
    # The fee's validity is a point in time that is compared with an age: it never ends. Only this module's
    # clock goes on: nonces signed tomorrow would make those of all later tests too low.
    monkeypatch.setattr(orders, "time", SimpleNamespace(time=lambda: time.time() + 86_500, sleep=time.sleep))

    reply = download(alice, data, order)

    monkeypatch.undo()
    assert (reply.status_code, reply.text) == (500, "The order has expired.")


def test_an_order_is_counted(publisher: Publisher, data: Asset, order: str):
    def ordered() -> bool:
        found = publisher.indexed(data.did)
        return bool(found and found["indexedMetadata"]["stats"][0]["orders"] >= 1)

    assert until(ordered)


# fileInfo and decrypt


def test_file_info_of_a_service(alice: Consumer, data: Asset):
    recorded = recordings("encrypt-fileinfo")["fileinfo-did"]["response"]["body"]["json"]

    found = alice.post("/api/services/fileInfo", {"did": data.did, "serviceId": data.service_id}).json()

    assert shape(found) == shape(recorded)
    assert [one["name"] for one in found] == ["n.txt", "a%20b.txt"]
    assert found[0]["checksum"] == hashlib.sha256(b"42\n").hexdigest()


def decrypt(who: Consumer, asset: Asset, **fields: Any) -> requests.Response:
    signed = who.signed("decryptDDO")
    body = {
        "decrypterAddress": signed.pop("consumerAddress"),
        **signed,
        "chainId": asset.ddo["chainId"],
        "dataNftAddress": asset.data_nft,
        **fields,
    }
    return who.post("/api/services/decrypt", body)


def test_a_published_ddo_is_decrypted(alice: Consumer, publisher: Publisher, data: Asset, dataset: Asset):
    recorded = recordings("encrypt-fileinfo")["decrypt-tx"]["response"]

    reply = decrypt(alice, data, transactionId=data.transaction)

    assert (reply.status_code, reply.headers["content-type"]) == (200, recorded["headers"]["content-type"])
    assert reply.json() == data.ddo
    text = reply.content
    document = {
        "encryptedDocument": f"0x{publisher.encrypt(text).hex()}",
        "flags": 2,
        "documentHash": f"0x{hashlib.sha256(text).hexdigest()}",
    }
    assert decrypt(alice, data, **document).json() == data.ddo
    words = recordings("encrypt-fileinfo")
    for name, fields in {
        "decrypt-wrong-nft": {"transactionId": data.transaction, "dataNftAddress": dataset.data_nft},
        "decrypt-unknown-tx": {"transactionId": "0x" + "11" * 32},
        "decrypt-document-bad-hash": {**document, "documentHash": "0x00"},
    }.items():
        refused = decrypt(alice, data, **fields)
        assert (refused.status_code, refused.text) == (400, words[name]["response"]["body"]["text"])


def test_a_ddo_in_the_clear_cannot_be_decrypted(alice: Consumer, publisher: Publisher, file_server: str):
    asset = publisher.publish(file(f"{file_server}/n.txt"), encrypted=False)
    recorded = recordings("encrypt-fileinfo")["decrypt-plain"]["response"]

    reply = decrypt(alice, asset, transactionId=asset.transaction)

    assert (reply.status_code, reply.text) == (recorded["status"], recorded["body"]["text"])


# free compute


def free(who: Consumer, *datasets: dict[str, Any], **fields: Any) -> requests.Response:
    return who.ask_for(datasets=list(datasets), **fields)


def test_trap_19_a_free_job_needs_no_order_of_its_did(alice: Consumer, dataset: Asset, algorithm: Asset):
    described = element(algorithm, meta=ALGORITHM["algorithm"])

    reply = free(alice, element(dataset), algorithm=described)

    assert reply.status_code == 200, reply.text
    job_id = reply.json()[0]["jobId"]
    alice.wait_for(job_id)
    assert alice.stdout(job_id) == "fetched 42\n"
    assert f"Using {dataset.did} and serviceId {dataset.service_id} for this asset." in (
        alice.result(job_id, "configurationLog").decode()
    )


def test_a_free_job_with_an_algorithm_by_did_needs_its_meta(alice: Consumer, algorithm: Asset):
    reply = free(alice, algorithm=element(algorithm))

    assert reply.status_code == 500
    assert reply.json().startswith("Unable to extract docker image null from algoritm: ")


def test_user_data_of_a_dataset_goes_into_its_query(alice: Consumer, dataset: Asset):
    FileServer.asked.clear()

    job_id = free(alice, element(dataset, userdata={"k": "v"})).json()[0]["jobId"]
    alice.wait_for(job_id)

    assert FileServer.asked == ["/n.txt?k=v", "/n.txt?k=v"]


def test_assets_that_a_free_job_cannot_have(
    alice: Consumer, bob: Consumer, publisher: Publisher, file_server: str
):
    content = file(f"{file_server}/n.txt")
    deny = {"deny": [{"type": "address", "values": [alice.address.lower()]}], "allow": []}
    denied = publisher.publish(content, credentials=deny)
    ended = publisher.publish(content)
    publisher.set_state(ended, MetadataState.UNLISTED)
    until(lambda: (publisher.indexed(ended.did) or {})["indexedMetadata"]["nft"]["state"] == 5)

    refused = free(alice, element(denied))
    assert (refused.status_code, refused.json()) == (
        403,
        f"Error: Access to asset {denied.did} was denied",
    )
    assert free(bob, element(denied)).status_code == 200
    out = free(alice, element(ended))
    assert (out.status_code, out.json()) == (
        500,
        "Nft not present in the asset or the state is different than ACTIVE or UNLISTED.",
    )
    no_service = free(alice, element(denied, serviceId="x"))
    assert no_service.status_code == 403
    unknown = free(bob, element(denied, serviceId="x"))
    assert (unknown.status_code, unknown.json()) == (
        500,
        f"Cannot find service x in DDO {denied.did}",
    )


# paid compute: what is asked of assets


def quote(
    who: Consumer, chain: Chain, algorithm: dict[str, Any], *datasets: dict[str, Any]
) -> requests.Response:
    return who.post(
        "/api/services/initializeCompute",
        {
            "environment": who.environments()[0]["id"],
            "consumerAddress": who.address,
            "algorithm": algorithm,
            "datasets": list(datasets),
            "maxJobDuration": 60,
            "payment": {"chainId": chain.chain_id, "token": chain.fee_token},
        },
    )


def test_the_fees_of_dids_and_their_orders(
    alice: Consumer, chain: Chain, publisher: Publisher, buyer: Sender, dataset: Asset, algorithm: Asset
):
    asked = quote(alice, chain, element(algorithm), element(dataset))
    same_as_recorded(asked, "init-did", "initialize-compute")
    offer = asked.json()
    node_address = offer["payment"]["payee"]

    ordered = [
        publisher.order(asset, buyer, node_address, fees["providerFee"])
        for asset, fees in ((algorithm, offer["algorithm"]), (dataset, offer["datasets"][0]))
    ]

    valid = quote(
        alice,
        chain,
        element(algorithm, transferTxId=ordered[0]),
        element(dataset, transferTxId=ordered[1]),
    ).json()
    for answer, transaction in ((valid["algorithm"], ordered[0]), (valid["datasets"][0], ordered[1])):
        assert answer["validOrder"] == transaction
        assert "providerFee" not in answer
    mixed = quote(alice, chain, element(algorithm, transferTxId=ordered[1]), element(dataset))
    same_as_recorded(mixed, "init-did-bad-order", "initialize-compute")
    assert mixed.json()["algorithm"]["validOrder"] is False
    # An order may be used again, and be paid for again.
    again = Datatoken(chain.web3, dataset.datatoken).reuse_order(
        buyer, ordered[1], ProviderFee.from_reply(offer["datasets"][0]["providerFee"])
    )
    buyer.confirm(again)
    reused = quote(alice, chain, element(algorithm), element(dataset, transferTxId=again)).json()
    assert reused["datasets"][0]["validOrder"] == again


def test_an_order_that_went_elsewhere_than_to_a_datatoken(
    alice: Consumer, chain: Chain, dataset: Asset, algorithm: Asset
):
    token = chain.at("OceanToken", chain.fee_token)
    transfer = chain.send(1, token.functions.transfer(alice.address, 1))["transactionHash"].to_0x_hex()

    reply = quote(alice, chain, element(algorithm, transferTxId=transfer), element(dataset))

    assert reply.status_code == 500
    assert reply.text.startswith("execution reverted (no data present; ")
    # A data NFT takes any call and says nothing.
    reply = quote(alice, chain, element(algorithm, transferTxId=dataset.transaction), element(dataset))
    assert reply.status_code == 500
    assert reply.text.startswith('could not decode result data (value="0x", ')


TRUSTED_NOBODY = {**FOR_EVERYBODY, "publisherTrustedAlgorithmPublishers": []}


def with_compute(publisher: Publisher, address: str, **compute: Any) -> Asset:
    draft = publisher.draft(file(address))
    draft.ddo["services"][0]["compute"] = {**TRUSTED_NOBODY, **compute}
    asset = publisher.announce(draft)
    until(lambda: publisher.indexed(asset.did))
    return asset


def test_a_dataset_says_which_algorithms_it_trusts(
    alice: Consumer, chain: Chain, publisher: Publisher, algorithm: Asset, file_server: str
):
    address = f"{file_server}/n.txt"
    container = ALGORITHM["algorithm"]["container"]
    trusted = {
        "did": algorithm.did,
        "filesChecksum": hashlib.sha256(FileServer.files["/algo.py"]).hexdigest(),
        "containerSectionChecksum": hashlib.sha256(
            f"{container['entrypoint']}{container['checksum']}".encode()
        ).hexdigest(),
    }
    raw = {"meta": {"rawcode": "print(1)", "container": python_image()}}
    nobody = with_compute(publisher, address)
    this_one = with_compute(publisher, address, publisherTrustedAlgorithms=[trusted])
    changed = with_compute(
        publisher, address, publisherTrustedAlgorithms=[{**trusted, "filesChecksum": "00"}]
    )
    author = with_compute(publisher, address, publisherTrustedAlgorithmPublishers=[algorithm.data_nft])
    no_raw = with_compute(
        publisher, address, allowRawAlgorithm=False, publisherTrustedAlgorithmPublishers=["*"]
    )

    def allowed(dataset: Asset, code: dict[str, Any]) -> bool:
        reply = quote(alice, chain, code, element(dataset))
        if reply.status_code == 400:
            named = code.get("documentId", "undefined")
            assert reply.text == f"Algorithm {named} not allowed to run on the dataset: {dataset.did}"
        return reply.status_code == 200

    by_did = element(algorithm)
    assert [allowed(one, by_did) for one in (nobody, this_one, changed, author, no_raw)] == [
        False,
        True,
        False,
        True,
        True,
    ]
    assert [allowed(one, raw) for one in (nobody, this_one, no_raw)] == [False, True, False]


def start_paid(who: Consumer, chain: Chain, algorithm: dict[str, Any], *datasets: dict[str, Any]) -> Any:
    return who.post(
        "/api/services/compute",
        {
            **who.signed("startCompute"),
            "environment": who.environments()[0]["id"],
            "algorithm": algorithm,
            "datasets": list(datasets),
            "maxJobDuration": 60,
            "payment": {"chainId": chain.chain_id, "token": chain.fee_token},
        },
    )


def test_a_paid_job_needs_orders_of_its_dids_and_takes_the_algorithms_meta(
    alice: Consumer, chain: Chain, publisher: Publisher, buyer: Sender, dataset: Asset, algorithm: Asset
):
    offer = quote(alice, chain, element(algorithm), element(dataset)).json()
    payee = offer["payment"]["payee"]
    first, second = (
        publisher.order(asset, buyer, payee, fees["providerFee"])
        for asset, fees in ((algorithm, offer["algorithm"]), (dataset, offer["datasets"][0]))
    )
    missing = start_paid(alice, chain, element(algorithm), element(dataset))
    assert (missing.status_code, missing.json()) == (
        500,
        f"Missing transferTxId for DDO {algorithm.did}",
    )
    mixed = start_paid(
        alice, chain, element(algorithm, transferTxId=second), element(dataset, transferTxId=first)
    )
    assert (mixed.status_code, mixed.json()) == (
        500,
        f"TxId Service {second} is not valid for DDO {algorithm.did} and service {algorithm.service_id}",
    )

    chain.give_gas(payee)
    escrow = chain.at("Escrow")
    token = chain.at("OceanToken", chain.fee_token)
    amount = 10 * 10**18
    chain.send(1, token.functions.approve(escrow.address, amount))
    chain.send(1, escrow.functions.deposit(chain.fee_token, amount))
    chain.send(1, escrow.functions.authorize(chain.fee_token, payee, amount, 100_000, 10))
    started = start_paid(
        alice, chain, element(algorithm, transferTxId=first), element(dataset, transferTxId=second)
    )

    assert started.status_code == 200, started.text
    job_id = started.json()[0]["jobId"]
    alice.wait_for(job_id)
    assert alice.stdout(job_id) == "fetched 42\n"
    assert Escrow(chain.web3, escrow.address).funds(alice.address, chain.fee_token).locked > 0
