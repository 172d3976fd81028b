# SPDX-License-Identifier: Apache-2.0
"""Orders of published assets: what is asked for one, what one gives, and computing on assets."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
import requests

from tests.conformance import programs
from tests.conformance.files import CONTENTS, Files
from tests.conformance.on_chain.money import Chain
from tests.conformance.on_chain.publishing import Asset, Publisher, wait_until_indexed
from tests.conformance.session import API, Account, Node
from tests.conformance.test_index import UNKNOWN_DID, said

pytestmark = pytest.mark.usefixtures("index")


@pytest.fixture(scope="module")
def ordered(download: Asset, publisher: Publisher, alice: Account) -> str:
    """The order's transaction."""
    fee = initialize(alice, download).json()["providerFee"]
    return publisher.order(download, alice.address, fee)


def initialize(who: Account, asset: Asset, **query: str) -> requests.Response:
    return who.node.get(f"{API}/initialize", **{**asset.service, "consumerAddress": who.address, **query})


def get_file(who: Account, asset: Asset, transaction: str, index: int = 0, **query: str) -> requests.Response:
    query = {**asset.service, "transferTxId": transaction, "fileIndex": str(index), **query}
    return who.node.get(f"{API}/download", **query, **who.signed("download"))


def test_download_needs_its_fields_and_a_signature(stranger: Account):
    query = {"fileIndex": 0, "documentId": UNKNOWN_DID, "serviceId": "s"}
    incomplete = stranger.node.get(f"{API}/download", **query, **stranger.signed("download"))
    wrong = stranger.node.get(
        f"{API}/download", **query, transferTxId="0x00", **stranger.signed("somethingElse")
    )

    assert said(incomplete) == (
        400,
        'Missing one ( "transferTxId" ) or more required field(s) for command: "download". '
        "Required fields: fileIndex,documentId,serviceId,transferTxId",
    )
    assert said(wrong) == (401, "consumer address and nonce signature mismatch")


def test_file_info_of_a_service(node: Node, download: Asset):
    did, service = download.did, download.service["serviceId"]
    infos = node.post(f"{API}/fileInfo", {"did": did, "serviceId": service}).json()

    assert [info["name"] for info in infos] == ["data.csv", "n.txt"]
    assert infos[0]["checksum"] == hashlib.sha256(CONTENTS["/data.csv"][0]).hexdigest()


def test_initialize_names_what_an_order_needs(alice: Account, download: Asset):
    reply = initialize(alice, download)
    fee = reply.json()["providerFee"]

    assert list(reply.json()) == ["providerFee", "datatoken", "nonce", "computeAddress"]
    assert reply.json()["datatoken"] == download.datatoken
    assert set(fee) == {
        "providerFeeAddress",
        "providerFeeToken",
        "providerFeeAmount",
        "providerData",
        "v",
        "r",
        "s",
        "validUntil",
    }
    assert fee["providerFeeAddress"] == alice.node.get("/").json()["providerAddress"]
    assert said(initialize(alice, download, serviceId="none")) == (500, "Internal Server Error")


def test_an_order_downloads_each_file_more_than_once(alice: Account, download: Asset, ordered: str):
    first = get_file(alice, download, ordered)
    second = get_file(alice, download, ordered, 1)

    assert (first.status_code, first.content) == (200, CONTENTS["/data.csv"][0])
    assert first.headers["content-disposition"] == "attachment;filename=data.csv"
    assert first.headers["content-type"].startswith("text/csv")
    assert second.content == CONTENTS["/other/n.txt"][0]
    assert get_file(alice, download, ordered).content == first.content


def test_userdata_becomes_the_query(alice: Account, download: Asset, ordered: str, files: Files):
    reply = get_file(alice, download, ordered, userdata='{"year": "2026"}')

    assert reply.status_code == 200
    assert "/data.csv?year=2026" in [path for path, _ in files.requested]


def test_a_download_is_refused(
    alice: Account, stranger: Account, download: Asset, dataset: Asset, ordered: str
):
    unknown = get_file(alice, download, "0x" + "11" * 32)
    service = get_file(alice, download, ordered, serviceId="none")

    assert said(get_file(alice, download, ordered, 9)) == (501, "Unknown error: Empty file object")
    for reply in (unknown, service):
        assert (reply.status_code, reply.json()) == (500, {})
    assert said(get_file(alice, dataset, ordered)) == (
        500,
        "Not allowed to download this asset of type compute",
    )
    foreign = said(get_file(stranger, download, ordered))
    assert (foreign[0], foreign[1][:22]) == (500, "Tx id used not valid, ")


def test_decrypt_by_transaction(stranger: Account, download: Asset, dataset: Asset, paid_on: Chain):
    def decrypt(asset: Asset, **fields: Any) -> requests.Response:
        request = {
            **stranger.signed("decryptDDO", key="decrypterAddress"),
            "chainId": paid_on.chain_id,
            "dataNftAddress": asset.data_nft,
            "transactionId": asset.transaction,
            **fields,
        }
        return stranger.node.post(f"{API}/decrypt", request)

    whole = decrypt(download)
    assert (whole.status_code, whole.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert whole.json() == download.ddo
    assert said(decrypt(dataset)) == (400, "Decrypt DDO: Failed to lzma decompress")
    for fields in ({"dataNftAddress": dataset.data_nft}, {"transactionId": "0x" + "11" * 32}):
        assert said(decrypt(download, **fields)) == (
            400,
            "Decrypt DDO: Failed to process transaction id",
        )


def test_trap_19_free_compute_on_a_did_needs_no_order(alice: Account, dataset: Asset):
    run = alice.run(programs.PRINTS_INPUTS, datasets=[dataset.service])

    assert run.exit_code == 0, run.text("configurationLog")
    assert run.stdout() == "algoCustomData.json={}\nn.txt=42\n"


def test_a_free_algorithm_by_did_needs_its_container_too(
    alice: Account, publisher: Publisher, files: Files, dataset: Asset
):
    asset = publisher.publish(files.object("/algo.py"), service="compute", kind="algorithm")
    wait_until_indexed(alice.node, asset.did)

    bare = alice.ask_for(algorithm=asset.service, datasets=[dataset.service])
    meta = {"container": alice.node.container()}
    run = alice.run("", algorithm={**asset.service, "meta": meta}, datasets=[dataset.service])

    assert (bare.status_code, bare.json()[:46]) == (500, "Unable to extract docker image null from algor")
    assert (run.exit_code, run.stdout()) == (0, "answer 42\n")
