# SPDX-License-Identifier: Apache-2.0
"""What orders have cost: brought from the chain into the ledger, and held against the chain.

An order is up to four transactions, each with a purpose of its own that the wallet remembers: the approval,
the purchase or the taking for nothing, and the order itself. So whoever comes after a killed process finds
all of them, with their gas.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow import errors
from airflow_provider_deflow.ledger.reservations import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.ledger.reservations import Record, Reservations

# What tells the reservation of an order from that of a job.
KIND = "order"


def is_order(record: Record) -> bool:
    return record.get("kind") == KIND


def order_of(payer: str, consumer: str, datatoken: str, service_index: int) -> str:
    """What is ordered, and by whom for whom: of such orders one at a time is valid."""
    return f"order {datatoken} service {service_index} for {consumer} by {payer}"


def transactions_of(wallet: PayingWallet, record: Record) -> dict[str, str]:
    """What was sent for an order, by what it is: as the wallet remembers it."""
    from airflow_provider_deflow.chain import obtaining, tokens

    purpose = str(record["_id"])
    buying = obtaining.buying_for(purpose)
    amounts = dict.fromkeys(int(one["amount"]) for one in (*(record.get("earlier") or ()), record))
    asked = [
        *(("approve", tokens.approving_for(buying, amount)) for amount in amounts if amount),
        ("dispensed", obtaining.dispensing_for(purpose)),
        ("bought", buying),
        ("order", purpose),
    ]
    found = {what: wallet.sends.sent_for(each) for what, each in asked}
    return {what: sent for what, sent in found.items() if sent}


def settle(wallet: PayingWallet, reservations: Reservations, purpose: str) -> str | None:
    """Bring what an order has cost into the ledger; its transaction. Of one that has ended nothing changes.

    When nothing was paid nor ordered, its reservation is released.
    """
    from airflow_provider_deflow.chain import order_history

    record = reservations.get(purpose)
    if record is None or record["state"] not in OPEN:
        return None
    paid = fees = 0
    order_tx = None
    for what, sent in transactions_of(wallet, record).items():
        receipt = _receipt(wallet, sent)
        transaction_hash = str(wallet.web3.to_hex(receipt["transactionHash"]))
        gas = {"what": what, "hash": transaction_hash, "gas_wei": str(order_history.gas_of(receipt))}
        reservations.add_transaction(purpose, gas)
        purchase = order_history.purchase_in(wallet.web3, receipt, wallet.address)
        paid, fees = paid + purchase.paid, fees + purchase.fees
        if order_history.orders_in(wallet.web3, receipt, record["datatoken"], wallet.address):
            order_tx = transaction_hash
    if order_tx or paid:
        how = "ordered" if order_tx else "bought"
        reservations.settle(purpose, paid, how=how, fees=fees, order_tx=order_tx)
    else:
        reservations.release(purpose)
    return order_tx


def differences(wallet: PayingWallet, record: Record) -> Iterator[str]:
    """What the ledger says of one order, and the chain does not."""
    from airflow_provider_deflow.chain import order_history

    web3, name = wallet.web3, _name(record)
    taken: Counter[str] = Counter()
    paid, ordered = 0, set()
    for sent in record["transactions"]:
        receipt = order_history.receipt_of(web3, sent["hash"])
        if receipt is None:
            continue
        taken += order_history.taken_in(web3, receipt, wallet.address)
        paid += order_history.purchase_in(web3, receipt, wallet.address).paid
        if order_history.orders_in(web3, receipt, record["datatoken"], wallet.address):
            ordered.add(sent["hash"])
    if record["state"] in OPEN:
        if ordered or paid:
            yield f"{name}: it was placed, which deflow_upkeep has not read yet"
        return
    cost = int(record["cost"] or 0) if record["state"] == "settled" else 0
    if paid != cost:
        yield f"{name}: the chain took {paid} base units for its datatoken, the ledger says {cost}"
    order_tx = record.get("order_tx")
    if {order_tx} - {None} != ordered:
        there = ", ".join(sorted(ordered)) or "none"
        yield f"{name}: the ledger has it in transaction {order_tx}, the chain has {there}"
    for token, amount in taken.items():
        expected = _expected(record, token, cost, len(ordered))
        if amount != expected:
            yield f"{name}: {amount} base units of {token} left the account, and {expected} are accounted for"


def unknown(wallet: PayingWallet, records: Sequence[Record], all_known: Iterable[Record]) -> Iterator[str]:
    """What the wallet bought and ordered since the first of `records`, and the ledger does not know."""
    from airflow_provider_deflow.chain import order_history

    begins = [int(one["since_block"]) for one in records if one.get("since_block")]
    if not begins:
        return
    consumers = {one.get("payee") or one.get("consumer") for one in records} - {None}
    datatokens = {one["datatoken"] for one in records if is_order(one)}
    known = {sent["hash"] for one in all_known for sent in one["transactions"]}
    done = {"Swapped": "a purchase", "OrderStarted": "an order", "OrderReused": "an order used again"}
    for event in order_history.since(
        wallet.web3, wallet.address, sorted(map(str, consumers)), sorted(datatokens), min(begins)
    ):
        if event.transaction_hash not in known:
            what = f"{done[event.name]} at {event.address} ({event.transaction_hash})"
            yield f"{what} is not in the ledger"


def _expected(record: Record, token: str, cost: int, orders: int) -> int:
    from airflow_provider_deflow.chain.datatoken import ONE

    if token.lower() == str(record["datatoken"]).lower():
        return orders * ONE
    return cost if token.lower() == str(record["token"]).lower() else 0


def _receipt(wallet: PayingWallet, sent: str) -> Any:
    """Once it is in a block; a reverted one costs its gas all the same."""
    from airflow_provider_deflow.chain import order_history

    try:
        return wallet.sends.confirm(sent)
    except errors.TransactionFailed:
        receipt = order_history.receipt_of(wallet.web3, sent)
        if receipt is None:
            raise
        return receipt


def _name(record: Record) -> str:
    return f"order of {record['did']} by {record['task_id']} of {record['run_id']}"
