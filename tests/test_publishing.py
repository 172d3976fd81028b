# SPDX-License-Identifier: Apache-2.0
"""Assets published on a real chain and indexed by a local Ocean Node; what counts is what the chain has."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_deflow.chain.data_nft import DataNft, MetadataState
from airflow_provider_deflow.chain.datatoken import ONE, Datatoken
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.errors import (
    ChainError,
    IndexingFailed,
    NotIndexed,
    OceanNodeBusy,
    RequestRejected,
    SettingsError,
)
from airflow_provider_deflow.local_ocean_node.settings import ChainSettings, EnvironmentSettings, Fees
from airflow_provider_deflow.ocean import ddo, exchange
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.publishing import indexing, trust
from airflow_provider_deflow.signing import KeySigner
from tests import proxy
from tests.local_ocean_node.file_server import FileServer, running_file_server
from tests.local_ocean_node.running import consumer, fast, running_ocean_node
from tests.publishing_deaths import crashes
from tests.publishing_parts import CONTAINER, Memory, Publishing, algorithm, dataset, file_object
from tests.services import KEYS, Chain

pytestmark = pytest.mark.chain

NOBODY = "0x" + "0" * 40


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory, chain: Chain) -> Iterator[str]:
    served = ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file)
    fees = (Fees(chain.chain_id, chain.fee_token, (("cpu", 1.0),)),)
    paid = EnvironmentSettings(cpu=2, ram=8, disk=10, fees=fees)
    folder = tmp_path_factory.mktemp("publishing")
    with running_ocean_node(fast(folder, chains=(served,), environments=(paid,))) as url:
        yield url


@pytest.fixture(scope="module")
def files() -> Iterator[str]:
    with running_file_server() as url:
        yield url


@pytest.fixture(autouse=True)
def asked_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """This Ocean Node reads its chain twenty times a second, not twice a minute."""
    monkeypatch.setattr(indexing, "_FIRST_PAUSE_SECONDS", 0.05)


@pytest.fixture
def account(chain: Chain, url: str) -> Publishing:
    return Publishing(chain, url, KEYS[6])


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


def test_a_dataset_is_published_in_two_transactions(account: Publishing, files: str, key: str):
    before = account.transactions()

    found = account.publish(dataset(f"{files}/n.txt", tags=["numbers"]), key)

    assert account.transactions() - before == 2
    indexed = account.indexed(found.did)
    assert found.did == ddo.did_of(found.data_nft, account.chain.chain_id)
    assert (indexed["nftAddress"], indexed["metadata"]["tags"]) == (found.data_nft, ["numbers"])
    assert indexed["services"][0]["datatokenAddress"] == found.datatoken
    assert indexed["indexedMetadata"]["event"]["txid"] == found.metadata_transaction
    assert DataNft(account.chain.web3, found.data_nft).has_datatoken(found.datatoken)
    assert f"{files}/n.txt" not in str(indexed)


def test_published_again_it_is_the_same_and_sends_nothing(account: Publishing, files: str, key: str):
    memory = Memory()
    first = account.publish(dataset(f"{files}/n.txt"), key, memory)

    before = account.transactions()
    again = account.publish(dataset(f"{files}/n.txt"), key, memory)
    elsewhere = account.publish(dataset(f"{files}/n.txt"), key, Memory())

    assert (again, elsewhere) == (first, first)
    assert account.transactions() == before


def test_the_key_on_the_chain_tells_nothing_of_itself(account: Publishing, files: str, key: str):
    first = account.publish(dataset(f"{files}/n.txt"), key)
    other = account.publish(dataset(f"{files}/n.txt"), f"{key} 2")
    somebody = Publishing(account.chain, account.url, KEYS[7]).publish(dataset(f"{files}/n.txt"), key)

    uris = {account.token_uri_of(one.data_nft) for one in (first, other, somebody)}
    assert len(uris) == 3
    assert all(hashlib.sha256(key.encode()).hexdigest() not in uri and key not in uri for uri in uris)


def test_another_description_is_a_new_version_of_the_same_did(account: Publishing, files: str, key: str):
    first = account.publish(dataset(f"{files}/n.txt"), key)
    created = account.indexed(first.did)["metadata"]["created"]

    for name in ("Other numbers", "Some numbers", "Other numbers"):
        before = account.transactions()
        again = account.publish(dataset(f"{files}/n.txt", name=name), key)

        assert again.did == first.did
        assert account.transactions() - before == 1
        assert account.indexed(first.did)["metadata"]["name"] == name
        assert account.indexed(first.did)["metadata"]["created"] == created


def test_another_file_is_a_new_version_though_the_document_does_not_show_it(
    account: Publishing, files: str, key: str
):
    first = account.publish(dataset(f"{files}/n.txt"), key)

    again = account.publish(dataset(f"{files}/algo.py"), key)

    assert again.did == first.did
    assert again.metadata_transaction != first.metadata_transaction


def test_an_algorithm_is_published_and_trusted_as_the_ocean_node_computes_it(
    account: Publishing, files: str, key: str
):
    code = account.publish(algorithm(f"{files}/algo.py"), f"{key} algorithm")

    trusted = trust.trusted_algorithm(account.publisher().ocean_node, code.did)
    data = account.publish(
        dataset(f"{files}/n.txt", services=[_compute(f"{files}/n.txt", trusted_algorithms=[code.did])]), key
    )

    section = f"python3 $ALGO{CONTAINER['checksum']}"
    assert trusted.files_checksum == hashlib.sha256(FileServer.files["/algo.py"]).hexdigest()
    assert trusted.container_section_checksum == hashlib.sha256(section.encode()).hexdigest()
    (listed,) = account.indexed(data.did)["services"][0]["compute"]["publisherTrustedAlgorithms"]
    assert listed["did"] == code.did
    # The Ocean Node itself compares: trusted it asks for an order, untrusted it refuses.
    assert _is_let_in(account, code.did, data.did)
    stranger = account.publish(algorithm(f"{files}/algo.py", name="Another one"), f"{key} stranger")
    assert not _is_let_in(account, stranger.did, data.did)


def _compute(address: str, **policy: Any) -> dict[str, Any]:
    return {"type": "compute", "files": [file_object(address)], "compute": policy}


def _is_let_in(account: Publishing, code: str, data: str) -> bool:
    alice = consumer(account.url, 1)

    def element(did: str) -> dict[str, str]:
        return {"documentId": did, "serviceId": account.indexed(did)["services"][0]["id"]}

    reply = alice.post(
        "/api/services/initializeCompute",
        {
            "algorithm": element(code),
            "datasets": [element(data)],
            "environment": alice.environments()[0]["id"],
            "payment": {"chainId": account.chain.chain_id, "token": account.chain.fee_token},
            "maxJobDuration": 60,
            "consumerAddress": alice.address,
        },
    )
    assert reply.status_code == 200 or "not allowed to run" in reply.text, reply.text
    return reply.status_code == 200


def test_an_algorithm_that_changed_is_trusted_anew(
    account: Publishing, files: str, key: str, monkeypatch: pytest.MonkeyPatch
):
    code = account.publish(algorithm(f"{files}/algo.py"), f"{key} algorithm")
    described = dataset("x", services=[_compute(f"{files}/n.txt", trusted_algorithms=[code.did])])
    first = account.publish(described, key)

    monkeypatch.setitem(FileServer.files, "/algo.py", b"print('another')")
    again = account.publish(described, key)

    (trusted,) = account.indexed(first.did)["services"][0]["compute"]["publisherTrustedAlgorithms"]
    assert again.metadata_transaction != first.metadata_transaction
    assert trusted["filesChecksum"] == hashlib.sha256(b"print('another')").hexdigest()


def test_what_is_no_algorithm_is_not_trusted(account: Publishing, files: str, key: str):
    data = account.publish(dataset(f"{files}/n.txt"), key)

    with pytest.raises(SettingsError, match="it is none"):
        trust.trusted_algorithm(account.publisher().ocean_node, data.did)
    with pytest.raises(SettingsError, match="does not know it"):
        trust.trusted_algorithm(account.publisher().ocean_node, "did:op:" + "0" * 64)


def test_free_datatokens_are_given_away(account: Publishing, files: str, key: str):
    found = account.publish(dataset(f"{files}/n.txt", price={"kind": "free"}), key)

    buyer = Sender(account.chain.web3, KEYS[8])
    datatoken = Datatoken(account.chain.web3, found.datatoken)
    buyer.confirm(datatoken.dispense(buyer, account.network))
    assert datatoken.balance(buyer.address) == ONE
    (stats,) = account.indexed(found.did)["indexedMetadata"]["stats"]
    assert stats["prices"][0]["type"] == "dispenser"


def test_a_fixed_rate_is_sold_for_exactly_that(account: Publishing, files: str, key: str):
    price = {"kind": "fixed_rate", "price": Decimal("0.1")}

    found = account.publish(dataset(f"{files}/n.txt", price=price), key)

    datatoken = Datatoken(account.chain.web3, found.datatoken)
    ((address, exchange, token, rate),) = datatoken.fixed_rates()
    assert (token, rate) == (account.chain.fee_token, 10**17)
    fee_token, market = account.chain.at("OceanToken", token), account.chain.at("FixedRateExchange", address)
    buyer, seller = KeySigner(KEYS[8]).address, account.address
    cost, earned = (
        market.functions.calcBaseInGivenOutDT(exchange, ONE, 0).call()[0],
        _balance(fee_token, seller),
    )
    account.chain.send(8, fee_token.functions.approve(address, cost))
    account.chain.send(8, market.functions.buyDT(exchange, ONE, cost, NOBODY, 0))
    assert datatoken.balance(buyer) == ONE
    account.chain.send(6, market.functions.collectBT(exchange, 10**17))
    assert _balance(fee_token, seller) - earned == 10**17
    with pytest.raises(SettingsError, match=r"not sold for 0\.2"):
        account.publish(dataset(f"{files}/n.txt", price={"kind": "fixed_rate", "price": Decimal("0.2")}), key)


def _balance(token: Any, account: str) -> int:
    return int(token.functions.balanceOf(account).call())


def test_what_the_ocean_node_refuses_is_said_and_costs_nothing(account: Publishing, files: str, key: str):
    # Version 4.7.0 wants names of four characters.
    refused = dataset(f"{files}/n.txt", ddo_version="4.7.0", name="abc")

    before = account.transactions()
    with pytest.raises(RequestRejected, match=r"'abc', version 4\.7\.0.*Validation error"):
        account.publish(refused, key)
    assert account.transactions() == before


def test_a_file_that_is_not_there_costs_nothing(account: Publishing, files: str, key: str):
    before = account.transactions()

    with pytest.raises(SettingsError, match=r"file 0 of 'Some numbers' \(compute service\)"):
        account.publish(dataset(f"{files}/nothing.csv"), key)

    assert account.transactions() == before
    account.publish(dataset(f"{files}/nothing.csv"), key, checks_files=False)
    assert account.transactions() - before == 2


def test_an_ocean_node_without_an_index_costs_nothing(
    account: Publishing, files: str, key: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
):
    # The client asks a busy node again, with pauses.
    monkeypatch.setattr(exchange, "PAUSE_SECONDS", 0.0)
    before = account.transactions()

    with running_ocean_node(fast(tmp_path)) as other, pytest.raises(OceanNodeBusy, match="has no index"):
        account.publish(dataset(f"{files}/n.txt"), key, url=other)

    assert account.transactions() == before


def test_an_asset_that_is_never_indexed_says_so_and_is_waited_for_the_next_time(
    account: Publishing, files: str, key: str, tmp_path: Any, chain: Chain
):
    """A node that reads its chain once an hour, and is then restarted to read it all the time."""
    served = ChainSettings(chain.chain_id, chain.rpc_url, chain.address_file)
    described = dataset(f"{files}/n.txt")
    before = account.transactions()
    with running_ocean_node(fast(tmp_path, chains=(served,), tick_seconds=3600)) as slow:
        with pytest.raises(NotIndexed, match="check that it indexes this chain"):
            account.publish(described, key, url=slow, indexed_within_seconds=1)
        with pytest.raises(NotIndexed):
            account.publish(described, key, url=slow, indexed_within_seconds=1)
    with running_ocean_node(fast(tmp_path, chains=(served,), port=int(slow.rpartition(":")[2]))) as restarted:
        assert restarted == slow
        found = account.publish(described, key, url=slow)

    assert account.data_nfts(account.token_uri_of(found.data_nft)) == [found.data_nft]
    assert account.transactions() - before == 2


class Mangling(OceanNode):
    """As if a document had been changed on its way to the chain."""

    def encrypt(self, content: bytes) -> str:
        return super().encrypt(content + b" " if content.startswith(b'{"@context"') else content)


def test_why_the_ocean_node_does_not_index_an_asset_is_said(account: Publishing, files: str, key: str):
    publisher = account.publisher()
    mangling = Mangling(account.url, publisher.ocean_node.signer, requests_per_minute=1_000_000)

    with pytest.raises(IndexingFailed, match="Hash check failed"):
        replace(publisher, ocean_node=mangling).publish(dataset(f"{files}/n.txt"), key)

    before = account.transactions()
    with pytest.raises(IndexingFailed, match="Hash check failed"):
        account.publish(dataset(f"{files}/n.txt"), key)
    assert account.transactions() == before


def test_an_asset_is_taken_out_of_use_and_not_brought_back_unasked(account: Publishing, files: str, key: str):
    found = account.publish(dataset(f"{files}/n.txt"), key)
    publisher = account.publisher()

    assert publisher.end_of_life(found.did)
    assert account.indexed(found.did)["indexedMetadata"]["nft"]["state"] == MetadataState.END_OF_LIFE
    assert account.sent_by(lambda: publisher.end_of_life(found.did)) == 0
    with pytest.raises(SettingsError, match="end of life"):
        account.publish(dataset(f"{files}/n.txt", name="Revived"), key)

    publisher.set_state(found.did, MetadataState.ACTIVE)
    revived = account.publish(dataset(f"{files}/n.txt", name="Revived"), key)
    assert revived.did == found.did
    assert account.indexed(found.did)["metadata"]["name"] == "Revived"
    # The same change a second time is another purpose.
    assert publisher.end_of_life(found.did)


def test_an_asset_is_updated_by_its_did(account: Publishing, files: str, key: str):
    found = account.publish(dataset(f"{files}/n.txt"), key)

    updated = account.publisher().update(found.did, dataset(f"{files}/n.txt", license="none"))

    assert (updated.did, updated.datatoken) == (found.did, found.datatoken)
    assert account.indexed(found.did)["metadata"]["license"] == "none"
    with pytest.raises(SettingsError, match="does not know"):
        account.publisher().update("did:op:" + "0" * 64, dataset(f"{files}/n.txt"))


def test_what_publishing_asks_of_the_ocean_node(account: Publishing, files: str, key: str):
    """A real one answers 30 requests a minute; the looks until it is indexed grow apart."""
    with proxy.between(account.url) as between:
        first = account.publish(dataset(f"{files}/n.txt"), key, url=between.url)
        asked = [passed.rsplit("/", 1)[-1] for passed in between.passed if "did:op" not in passed]
        told = len(between.passed)
        again = account.publish(dataset(f"{files}/n.txt"), key, url=between.url)

    assert again == first
    # Of the form and of the document itself; of the stand-in and of the asset before; of files and document.
    assert sorted(asked) == ["ddo", "ddo", "encrypt", "encrypt", "fileInfo", "validate", "validate"]
    assert [passed for passed in between.passed[told:]] == [f"GET /api/aquarius/assets/ddo/{first.did}"]


def test_memory_of_a_chain_that_is_no_more_is_not_believed(account: Publishing, files: str, key: str):
    memory = Memory()
    first = account.publish(dataset(f"{files}/n.txt"), key, memory)
    memory["deflow_asset"] = {**memory["deflow_asset"], "data_nft": "0x" + "11" * 20}

    assert account.publish(dataset(f"{files}/n.txt"), key, memory) == first


def test_a_mint_that_is_in_no_block_yet_is_not_sent_again(
    chain: Chain, url: str, files: str, key: str, mongo_database: Any
):
    """What died did not see its transaction mined; nobody has its memory, and no event tells of it."""
    account = Publishing(chain, url, KEYS[5], mongo_database)
    before, described = account.transactions(), dataset(f"{files}/n.txt")
    chain.ask("evm_setAutomine", False)
    try:
        with pytest.raises(ChainError):
            account.publish(described, key, wallet=account.wallet(confirmed_within_seconds=0.3))
        assert account.transactions() == before
        chain.ask("evm_setIntervalMining", 1)
        found = account.publish(described, key)
    finally:
        chain.ask("evm_setIntervalMining", 0)
        chain.ask("evm_setAutomine", True)

    assert account.data_nfts(account.token_uri_of(found.data_nft)) == [found.data_nft]
    assert account.transactions() - before == 2


def test_several_that_publish_one_asset_at_once_make_one(
    chain: Chain, url: str, files: str, key: str, mongo_database: Any
):
    """As a task of a run that Airflow believes dead and starts again, or two Dags with one key."""
    account = Publishing(chain, url, KEYS[5], mongo_database)
    before, described = account.transactions(), dataset(f"{files}/n.txt")
    publishers = [replace(account.publisher(), wallet=account.wallet()) for _ in range(6)]

    with ThreadPoolExecutor(len(publishers)) as pool:
        found = set(pool.map(lambda one: one.publish(described, key), publishers))

    assert len(found) == 1
    assert account.transactions() - before == 2


@pytest.mark.parametrize("remembers", [False, True], ids=["a key alone", "a wallet"])
def test_killed_at_any_step_and_repeated_there_is_one_data_nft(
    chain: Chain, url: str, files: str, key: str, mongo_uri: str, mongo_database: Any, remembers: bool
):
    """kill -9 between all that publishing does to the chain, the Ocean Node and its memory."""
    database = mongo_database if remembers else None
    account = Publishing(chain, url, KEYS[5 if remembers else 6], database)
    deaths = crashes(account, f"{files}/n.txt", key, mongo_uri)

    steps = [step for _, step in deaths]
    assert {"before mint", "after mint", "before describe", "after describe", "after memory"} <= set(steps)
    assert len(steps) > 20
    for crashed_key, step in deaths:
        found = account.publish(dataset(f"{files}/n.txt"), crashed_key)
        uri = account.token_uri_of(found.data_nft)
        assert account.data_nfts(uri) == [found.data_nft], step
        assert account.metadata_said(found.data_nft) == 1, step
        assert account.indexed(found.did)["indexedMetadata"]["event"]["txid"] == found.metadata_transaction
