# SPDX-License-Identifier: Apache-2.0
"""Getting a datatoken to order with: the one the account has, one that is given away, or one that is sold.

In this order, and sold only up to a price that somebody named before.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from web3 import Web3

from airflow_provider_deflow.chain import order_history, tokens
from airflow_provider_deflow.chain.contracts import contract
from airflow_provider_deflow.chain.datatoken import ONE, Datatoken
from airflow_provider_deflow.chain.networks import Network
from airflow_provider_deflow.chain.transactions import Sends
from airflow_provider_deflow.chain.units import to_tokens
from airflow_provider_deflow.errors import InsufficientFunds, PriceTooHigh

_NOBODY = "0x0000000000000000000000000000000000000000"


@dataclass(frozen=True, slots=True)
class Buying:
    """What may be paid for one datatoken: whole tokens, of `token` only if that is named.

    Without a `max_price` nothing is bought.
    """

    max_price: Decimal | None = None
    token: str | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """One datatoken, sold at a fixed rate for `amount` base units of `token`, all fees included."""

    exchange: str
    exchange_id: str
    token: str
    amount: int
    # The amount in whole tokens.
    price: Decimal


@dataclass(frozen=True, slots=True)
class Obtained:
    """How the account came to the datatoken, and what it paid, in base units of `token`."""

    how: Literal["had", "dispensed", "bought"]
    paid: int = 0
    token: str | None = None
    transaction_hash: str | None = None


def obtain(
    datatoken: Datatoken, sends: Sends, network: Network, buying: Buying, *, purpose: str = ""
) -> Obtained:
    """See that the account has one datatoken. For a purpose at most one is taken or bought, ever.

    Raises `PriceTooHigh` and `InsufficientFunds`, both before anything is signed.
    """
    if datatoken.balance(sends.address) >= ONE:
        return Obtained("had")
    if gives_away(datatoken, sends.web3, network, sends.address):
        sent = datatoken.dispense(sends, network, purpose=purpose and dispensing_for(purpose))
        return Obtained("dispensed", transaction_hash=_hash_of(sends, sent))
    return buy(datatoken, sends, best_offer(datatoken, sends, buying), purpose=purpose)


def costs_nothing(datatoken: Datatoken, sends: Sends, network: Network) -> bool:
    """Whether the account has one, or may take one for nothing."""
    return datatoken.balance(sends.address) >= ONE or gives_away(
        datatoken, sends.web3, network, sends.address
    )


def dispensing_for(purpose: str) -> str:
    """The purpose of taking one for nothing, which is a transaction of its own."""
    return f"{purpose}: dispense"


def buying_for(purpose: str) -> str:
    """The purpose of the purchase, which is a transaction of its own."""
    return f"{purpose}: buy"


def buy(datatoken: Datatoken, sends: Sends, offer: Offer, *, purpose: str = "") -> Obtained:
    """Take an offer: pay what it says, and no more should the price have risen since."""
    exchange = contract(sends.web3, "FixedRateExchange", offer.exchange)
    call = exchange.functions.buyDT(offer.exchange_id, ONE, offer.amount, _NOBODY, 0)
    sent = tokens.pay(sends, call, offer.token, offer.amount, purpose=purpose and buying_for(purpose))
    receipt = sends.confirm(sent)
    paid = order_history.purchase_in(sends.web3, receipt, sends.address).paid
    return Obtained("bought", paid, offer.token, Web3.to_hex(receipt["transactionHash"]))


def gives_away(datatoken: Datatoken, web3: Web3, network: Network, account: str) -> bool:
    """Whether the account may take one for nothing now."""
    dispenser = contract(web3, "Dispenser", network.address("Dispenser"))
    status = dispenser.functions.status(datatoken.address).call()
    is_active, _, may_mint, max_tokens, max_balance, reserve, allowed = status
    return bool(
        is_active
        and (may_mint or reserve >= ONE)
        and max_tokens >= ONE
        and datatoken.balance(account) < max_balance
        and allowed in (_NOBODY, Web3.to_checksum_address(account))
    )


def offers_of(datatoken: Datatoken, web3: Web3, account: str) -> list[Offer]:
    """Where the account may buy one now, the cheapest first as far as tokens can be compared."""
    found = []
    for address, exchange_id, token, _ in datatoken.fixed_rates():
        functions = contract(web3, "FixedRateExchange", address).functions
        if functions.getAllowedSwapper(exchange_id).call() in (_NOBODY, Web3.to_checksum_address(account)):
            amount = int(functions.calcBaseInGivenOutDT(exchange_id, ONE, 0).call()[0])
            price = to_tokens(amount, tokens.decimals(web3, token))
            found.append(Offer(Web3.to_checksum_address(address), exchange_id, token, amount, price))
    return sorted(found, key=lambda offer: offer.price)


def best_offer(datatoken: Datatoken, sends: Sends, buying: Buying) -> Offer:
    """Of those that are sold, the cheapest one that may be bought."""
    offers = offers_of(datatoken, sends.web3, sends.address)
    wanted = [
        offer for offer in offers if buying.token is None or offer.token.lower() == buying.token.lower()
    ]
    if not wanted:
        sold = "; it is sold, but for other tokens" if offers else ""
        raise InsufficientFunds(
            f"{sends.address} has no datatoken {datatoken.address}, and nobody gives it away to this account "
            f"or sells it{sold} — ask the publisher of the asset for one"
        )
    best = wanted[0]
    if buying.max_price is None or best.price > buying.max_price:
        most = (
            "nothing may be paid" if buying.max_price is None else f"at most {buying.max_price} may be paid"
        )
        raise PriceTooHigh(
            f"datatoken {datatoken.address} costs {tokens.written(sends.web3, best.token, best.amount)} and "
            f"{most} — raise the highest price, or use another asset"
        )
    return best


def _hash_of(sends: Sends, sent: str) -> str:
    return Web3.to_hex(sends.confirm(sent)["transactionHash"])
