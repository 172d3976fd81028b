# SPDX-License-Identifier: Apache-2.0
"""What orders have cost, told by the contracts' own events and by receipts: these prove it.

A datatoken is bought by one transaction and paid by another one. Whatever tokens left the account meanwhile
is in their transfers, whichever contract took it and as what: price, a market's fee, or a provider's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import TransactionNotFound
from web3.types import TxReceipt

from airflow_provider_deflow.chain.events import Event, events_in, events_of

_FEES = ("marketFeeAmount", "oceanFeeAmount", "consumeMarketFeeAmount")


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a fixed rate exchange took, in base units of its token; `fees` of it went to markets and Ocean."""

    paid: int
    fees: int


def receipt_of(web3: Web3, transaction_hash: str) -> TxReceipt | None:
    """None when it is in no block that the endpoint knows."""
    try:
        return web3.eth.get_transaction_receipt(HexBytes(transaction_hash))
    except TransactionNotFound:
        return None


def gas_of(receipt: TxReceipt) -> int:
    """What it cost in the chain's smallest coin, whether it succeeded or not."""
    return int(receipt["gasUsed"]) * int(receipt["effectiveGasPrice"])


def purchase_in(web3: Web3, receipt: TxReceipt, payer: str) -> Purchase:
    """All that one transaction bought for the payer; nothing is 0."""
    said = [one.args for one in events_in(web3, receipt, "Swapped") if one.args["by"] == payer]
    return Purchase(
        paid=sum(int(one["baseTokenSwappedAmount"]) for one in said),
        fees=sum(int(one[fee]) for one in said for fee in _FEES),
    )


def taken_in(web3: Web3, receipt: TxReceipt, payer: str) -> Counter[str]:
    """Which tokens left the payer's account by one transaction: token → base units."""
    taken: Counter[str] = Counter()
    for one in events_in(web3, receipt, "Transfer"):
        if one.args["from"] == payer:
            taken[one.address] += int(one.args["value"])
    return taken


def orders_in(web3: Web3, receipt: TxReceipt, datatoken: str, payer: str) -> list[Event]:
    """What one transaction ordered of a datatoken."""
    return [
        one
        for one in events_in(web3, receipt, "OrderStarted")
        if (one.address, one.args["payer"]) == (Web3.to_checksum_address(datatoken), payer)
    ]


def since(
    web3: Web3, payer: str, consumers: Iterable[str], datatokens: Iterable[str], first_block: int
) -> list[Event]:
    """All that the payer bought, ordered for these consumers, or used of these datatokens again, since.

    Only of transactions that are the payer's own: any contract can say the same.
    """
    last = web3.eth.block_number
    for_whom = [_topic(one) for one in dict.fromkeys(consumers)]
    by = _topic(payer)
    said = [
        *events_of(web3, None, first_block, last, "Swapped", indexed=[None, by]),
        *(events_of(web3, None, first_block, last, "OrderStarted", indexed=[for_whom]) if for_whom else ()),
        *(
            one
            for datatoken in dict.fromkeys(datatokens)
            for one in events_of(web3, datatoken, first_block, last, "OrderReused")
        ),
    ]
    whose = {"Swapped": "by", "OrderStarted": "payer", "OrderReused": "caller"}
    return [one for one in said if one.args[whose[one.name]] == payer and _is_sent_by(web3, one, payer)]


def _is_sent_by(web3: Web3, event: Event, payer: str) -> bool:
    receipt = receipt_of(web3, event.transaction_hash)
    return receipt is not None and receipt["from"] == payer


def _topic(address: str) -> str:
    return Web3.to_hex(HexBytes(address).rjust(32, b"\0"))
