# SPDX-License-Identifier: Apache-2.0
"""Data NFTs and datatokens: made, described, given away, ordered; read back from the chain itself."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from web3.exceptions import Web3RPCError

from airflow_provider_deflow.chain import events
from airflow_provider_deflow.chain.data_nft import (
    CreatedAsset,
    DataNft,
    MetadataFlags,
    MetadataState,
    NewAsset,
    create,
    find_created,
    is_known,
)
from airflow_provider_deflow.chain.datatoken import ONE, Datatoken, ProviderFee, read_order
from airflow_provider_deflow.chain.events import events_between
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.errors import TransactionFailed
from airflow_provider_deflow.local_ocean_node.provider_fees import provider_fee
from airflow_provider_deflow.signing import KeySigner
from tests.local_ocean_node.running import recordings
from tests.services import KEYS, Chain

pytestmark = pytest.mark.chain

DATA = '{"id":"did:op:größe"}'.encode()


@pytest.fixture(scope="module")
def network(chain: Chain) -> Network:
    return Network.find(chain.chain_id, chain.address_file)


@pytest.fixture(scope="module")
def publisher(chain: Chain) -> Sender:
    return Sender(chain.web3, KEYS[4])


@pytest.fixture(scope="module")
def buyer(chain: Chain) -> Sender:
    return Sender(chain.web3, KEYS[5])


@pytest.fixture(scope="module")
def created(publisher: Sender, network: Network) -> CreatedAsset:
    return create(publisher, network, NewAsset("Größe", "GRO"))


def fee(chain: Chain, datatoken: str) -> ProviderFee:
    """Nothing, as an Ocean Node with account 9 asks it."""
    service = {"datatokenAddress": datatoken, "id": "s"}
    return ProviderFee.from_reply(provider_fee(KeySigner(KEYS[9]), chain.fee_token, service, 0))


def test_an_asset_is_made_with_its_datatoken(chain: Chain, network: Network, created: CreatedAsset):
    data_nft, datatoken = DataNft(chain.web3, created.data_nft), Datatoken(chain.web3, created.datatoken)

    assert (data_nft.name(), data_nft.symbol(), data_nft.token_uri()) == ("Größe", "GRO", "")
    assert (datatoken.name(), datatoken.symbol()) == ("Größe", "GRO")
    assert datatoken.data_nft() == created.data_nft
    assert data_nft.has_datatoken(created.datatoken)
    assert not data_nft.has_datatoken(chain.fee_token)
    assert is_known(chain.web3, network, created.data_nft)
    assert not is_known(chain.web3, network, created.datatoken)


def test_the_description_is_said_in_events(chain: Chain, publisher: Sender, created: CreatedAsset):
    data_nft = DataNft(chain.web3, created.data_nft)
    digest = hashlib.sha256(DATA).digest()
    first = chain.web3.eth.block_number + 1

    for flags in (MetadataFlags.PLAIN, MetadataFlags.ENCRYPTED):
        publisher.confirm(
            data_nft.set_metadata(publisher, DATA, digest, flags=flags, decryptor_url="http://node.test")
        )
    publisher.confirm(data_nft.set_state(publisher, MetadataState.REVOKED))

    names = ("MetadataCreated", "MetadataUpdated", "MetadataState")
    said = events_between(chain.web3, first, chain.web3.eth.block_number, names)
    assert [event.name for event in said] == [
        "MetadataCreated",
        "MetadataUpdated",
        "MetadataState",
    ]
    assert {event.address for event in said} == {created.data_nft}
    assert (said[0].args["data"], said[0].args["metaDataHash"]) == (DATA, digest)
    assert (said[0].args["flags"], said[1].args["flags"]) == (b"\0", b"\2")
    assert said[2].args["state"] == data_nft.state() == MetadataState.REVOKED


def test_only_the_owner_describes(buyer: Sender, created: CreatedAsset):
    data_nft = DataNft(buyer.web3, created.data_nft)

    with pytest.raises(TransactionFailed):
        data_nft.set_metadata(buyer, DATA, bytes(32), flags=MetadataFlags.PLAIN, decryptor_url="")


@pytest.mark.parametrize("template", [1, 2])
def test_an_order_is_read_back_and_may_be_reused(
    chain: Chain, network: Network, publisher: Sender, buyer: Sender, template: int
):
    created = create(publisher, network, NewAsset("sold", "SLD", template=template))
    datatoken = Datatoken(chain.web3, created.datatoken)
    publisher.confirm(datatoken.mint(publisher, buyer.address))

    transaction = datatoken.start_order(buyer, publisher.address, 3, fee(chain, created.datatoken))
    buyer.confirm(transaction)

    assert datatoken.balance(buyer.address) == 0
    order = read_order(chain.web3, transaction)
    assert order is not None
    assert order.to == created.datatoken
    (started,) = order.started
    assert started.args["consumer"] == publisher.address
    assert started.args["payer"] == buyer.address
    assert (started.args["serviceIndex"], started.args["amount"]) == (3, ONE)
    (asked,) = order.provider_fees
    assert asked.args["providerFeeAddress"] == KeySigner(KEYS[9]).address

    again = datatoken.reuse_order(buyer, transaction, fee(chain, created.datatoken))
    buyer.confirm(again)
    reused = read_order(chain.web3, again)
    assert reused is not None
    assert (reused.block, reused.started) == (order.block, order.started)


def test_datatokens_that_are_given_away(chain: Chain, network: Network, publisher: Sender, buyer: Sender):
    created = create(publisher, network, NewAsset("free", "FRE", dispenser=True))
    datatoken = Datatoken(chain.web3, created.datatoken)

    buyer.confirm(datatoken.dispense(buyer, network))

    assert datatoken.balance(buyer.address) == ONE
    assert datatoken.active_dispensers() == [network.address("Dispenser")]
    assert datatoken.fixed_rates() == []


def test_an_order_without_a_datatoken_is_not_sent(chain: Chain, buyer: Sender, created: CreatedAsset):
    datatoken = Datatoken(chain.web3, created.datatoken)

    with pytest.raises(TransactionFailed):
        datatoken.start_order(buyer, buyer.address, 0, fee(chain, created.datatoken))


def test_an_order_that_is_in_no_block(chain: Chain):
    assert read_order(chain.web3, "0x" + "33" * 32) is None


def test_events_of_the_recorded_contracts_are_known():
    recorded = {
        log["event"]: log["topics"][0]
        for entry in recordings("chain").values()
        for log in (entry.get("receipt") or {}).get("logs", [])
        if log.get("event")
    }

    for name in ("MetadataCreated", "OrderStarted", "ProviderFee", "Auth", "Lock", "Claimed", "Withdraw"):
        assert recorded[name] in dict(events._forms_of(name)), name


def test_an_endpoint_that_gives_the_logs_of_few_blocks_at_once_is_asked_for_halves(
    chain: Chain, network: Network, publisher: Sender, monkeypatch: pytest.MonkeyPatch
):
    """As public endpoints do; the range is cut until it fits, and another error is not hidden."""
    monkeypatch.setattr(events, "_LEAST_BLOCKS", 10)
    chain.ask("anvil_mine", hex(50))
    made = create(publisher, network, NewAsset("found", "FND", token_uri="deflow:found"))
    give, asked = chain.web3.eth.get_logs, []

    def few(wanted: Any) -> Any:
        asked.append(wanted["toBlock"] - wanted["fromBlock"] + 1)
        if asked[-1] > 20:
            raise Web3RPCError("query exceeds max block range 20")
        return give(wanted)

    monkeypatch.setattr(chain.web3.eth, "get_logs", few)
    assert find_created(chain.web3, network, publisher.address, "deflow:found", 0) == made
    assert find_created(chain.web3, network, KeySigner(KEYS[9]).address, "deflow:found", 0) is None
    assert max(asked) > 50
    assert min(asked) > 5

    def never(wanted: Any) -> Any:
        raise Web3RPCError("out of order")

    monkeypatch.setattr(chain.web3.eth, "get_logs", never)
    with pytest.raises(Web3RPCError, match="out of order"):
        find_created(chain.web3, network, publisher.address, "deflow:found", 0)
