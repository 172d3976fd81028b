# SPDX-License-Identifier: Apache-2.0
"""Datatokens taken and bought by a wallet, counted on the chain: one for a purpose, and never too dear."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pymongo.database import Database

from airflow_provider_deflow.chain import tokens
from airflow_provider_deflow.chain.data_nft import FixedRate, NewAsset, create
from airflow_provider_deflow.chain.datatoken import ONE, Datatoken
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.obtaining import Buying, Obtained, buy, obtain, offers_of
from airflow_provider_deflow.chain.transactions import Sender
from airflow_provider_deflow.chain.wallet import Wallet
from airflow_provider_deflow.errors import (
    InsufficientFunds,
    PriceTooHigh,
    SettingsError,
    TransactionFailed,
)
from tests.chain.wallets import Account
from tests.services import KEYS, Chain

pytestmark = pytest.mark.chain

PRICE = Decimal("2.5")
BASE_UNITS = 25 * 10**17


@pytest.fixture(scope="module")
def network(chain: Chain) -> Network:
    return Network.find(chain.chain_id, chain.address_file)


@pytest.fixture(scope="module")
def publisher(chain: Chain) -> Sender:
    return Sender(chain.web3, KEYS[4])


@pytest.fixture
def account(chain: Chain, mongo_database: Database[dict[str, Any]]) -> Account:
    return Account.fresh(chain, mongo_database)


@pytest.fixture
def buyer(account: Account) -> Wallet:
    return account.wallet()


@pytest.fixture
def sold(chain: Chain, publisher: Sender, network: Network) -> Datatoken:
    rate = FixedRate(chain.fee_token, PRICE)
    return Datatoken(
        chain.web3, create(publisher, network, NewAsset("sold", "SLD", fixed_rate=rate)).datatoken
    )


@pytest.fixture
def given_away(chain: Chain, publisher: Sender, network: Network) -> Datatoken:
    return Datatoken(
        chain.web3, create(publisher, network, NewAsset("free", "FRE", dispenser=True)).datatoken
    )


def give(chain: Chain, account: str, base_units: int) -> None:
    chain.send(0, chain.at("OceanToken", chain.fee_token).functions.transfer(account, base_units))


def test_an_asset_with_a_fixed_rate_is_made_in_one_transaction(
    chain: Chain, publisher: Sender, sold: Datatoken, buyer: Wallet
):
    (offer,) = offers_of(sold, chain.web3, buyer.address)

    # A thousandth is the community's, paid by the buyer.
    assert (offer.token, offer.exchange) == (chain.fee_token, chain.addresses["FixedPrice"])
    assert offer.price == tokens.to_tokens(offer.amount, 18)
    assert PRICE <= offer.price <= PRICE * Decimal("1.01")


def test_an_asset_is_not_both_given_away_and_sold(chain: Chain, publisher: Sender, network: Network):
    both = NewAsset("b", "B", dispenser=True, fixed_rate=FixedRate(chain.fee_token, PRICE))

    with pytest.raises(SettingsError, match="choose a dispenser or a fixed rate"):
        create(publisher, network, both)


def test_what_the_account_has_is_taken_first(
    publisher: Sender, network: Network, sold: Datatoken, buyer: Wallet, account: Account
):
    publisher.confirm(sold.mint(publisher, buyer.address))

    assert obtain(sold, buyer, network, Buying()) == Obtained("had")
    assert account.sent() == 0


def test_what_is_given_away_is_not_bought(
    network: Network, given_away: Datatoken, buyer: Wallet, account: Account
):
    obtained = obtain(given_away, buyer, network, Buying(Decimal(100)), purpose="order 1")

    assert (obtained.how, obtained.paid) == ("dispensed", 0)
    assert given_away.balance(buyer.address) == ONE
    assert account.sent() == 1


def test_a_datatoken_is_bought_and_exactly_its_price_is_approved(
    chain: Chain, network: Network, sold: Datatoken, buyer: Wallet, account: Account
):
    give(chain, buyer.address, 2 * BASE_UNITS)
    (offer,) = offers_of(sold, chain.web3, buyer.address)

    obtained = obtain(sold, buyer, network, Buying(offer.price, chain.fee_token), purpose="order 1")

    assert (obtained.how, obtained.paid, obtained.token) == ("bought", offer.amount, chain.fee_token)
    assert sold.balance(buyer.address) == ONE
    assert tokens.balance(chain.web3, chain.fee_token, buyer.address) == 2 * BASE_UNITS - offer.amount
    token = chain.at("OceanToken", chain.fee_token).functions
    assert token.allowance(buyer.address, offer.exchange).call() == 0
    assert account.approved()[0] == offer.amount


def test_buying_again_for_the_same_purpose_buys_nothing(
    chain: Chain, network: Network, sold: Datatoken, buyer: Wallet, account: Account
):
    give(chain, buyer.address, 2 * BASE_UNITS)
    (offer,) = offers_of(sold, chain.web3, buyer.address)

    first = buy(sold, buyer, offer, purpose="order 1")
    again = buy(sold, account.wallet(), offer, purpose="order 1")

    assert first == again
    assert sold.balance(buyer.address) == ONE
    assert account.sent() == 2


def test_what_is_too_dear_is_not_bought(
    chain: Chain, network: Network, sold: Datatoken, buyer: Wallet, account: Account
):
    give(chain, buyer.address, 2 * BASE_UNITS)

    with pytest.raises(PriceTooHigh, match=r"costs 2\.50?\d* OCEAN and at most 2\.49 may be paid"):
        obtain(sold, buyer, network, Buying(Decimal("2.49")))
    with pytest.raises(PriceTooHigh, match="nothing may be paid"):
        obtain(sold, buyer, network, Buying())
    with pytest.raises(InsufficientFunds, match="it is sold, but for other tokens"):
        obtain(sold, buyer, network, Buying(Decimal(10), token=sold.address))
    assert account.sent() == 0


def test_a_price_that_rose_since_the_quote_is_not_paid(
    chain: Chain, publisher: Sender, sold: Datatoken, buyer: Wallet
):
    give(chain, buyer.address, 9 * BASE_UNITS)
    (offer,) = offers_of(sold, chain.web3, buyer.address)
    exchange = chain.at("FixedRateExchange", offer.exchange)
    publisher.confirm(publisher.send(exchange.functions.setRate(offer.exchange_id, 3 * 10**18)))

    with pytest.raises(TransactionFailed, match=r"the price has risen: quote again"):
        buy(sold, buyer, offer)

    assert tokens.balance(chain.web3, chain.fee_token, buyer.address) == 9 * BASE_UNITS


def test_too_little_of_the_token_is_said(chain: Chain, network: Network, sold: Datatoken, buyer: Wallet):
    give(chain, buyer.address, 10**18)

    with pytest.raises(
        InsufficientFunds, match=r"has 1 OCEAN, and buyDT of .* takes 2\.5\d* OCEAN — send it"
    ):
        obtain(sold, buyer, network, Buying(Decimal(3)))
