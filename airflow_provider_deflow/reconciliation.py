# SPDX-License-Identifier: Apache-2.0
"""What the ledger says of payments and orders held against the chain's own events, to the base unit.

Read only. A difference is one sentence; none means that every amount in the ledger is an event on the
chain, that every lock, purchase and order of these wallets is in the ledger, and that what was locked is
what was paid, came back, or is still held.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_deflow import order_books

if TYPE_CHECKING:
    from airflow_provider_deflow.chain.escrow_history import Locked
    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.ledger.reservations import Record


@dataclass(frozen=True, slots=True)
class Account:
    """One payment: base units of its token, gas in the chain's smallest coin.

    `paid` is what an order's datatoken was bought for, `fees` of it what markets and Ocean took.
    """

    run_id: str
    task_id: str
    kind: Literal["job", "order"]
    # Empty for a job.
    did: str
    state: str
    token: str
    decimals: int
    reserved: int
    locked: int
    claimed: int
    refunded: int
    paid: int
    fees: int
    gas: int

    @property
    def held(self) -> int:
        """Of what was locked, what the escrow still holds."""
        return self.locked - self.claimed - self.refunded


@dataclass(slots=True)
class Reconciled:
    """What was compared, and what differs."""

    locks: int = 0
    orders: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def summary(self) -> str:
        compared = f"{self.locks} lock(s) and {self.orders} order(s) compared with the chain"
        return f"{compared}, {len(self.differences)} difference(s)"


def accounts(records: Iterable[Record]) -> list[Account]:
    """What the ledger says, earlier payments of a key that came back included; plans are no payments."""
    return [_account(one) for record in records for one in _with_earlier(record) if not _is_plan(one)]


def reconcile(wallet: PayingWallet, records: Sequence[Record], others: Sequence[Record] = ()) -> Reconciled:
    """Payments of one wallet, as the ledger has them, against the chain; those of `others` are known."""
    result = Reconciled()
    payments = [one for record in records for one in _with_earlier(record) if not _is_plan(one)]
    for record in payments:
        result.differences += _of_transactions(wallet, record)
        if order_books.is_order(record):
            result.orders += 1
            result.differences += order_books.differences(wallet, record)
        elif record.get("lock_number") and record.get("locked"):
            result.locks += 1
            result.differences += _of_lock(wallet, record)
    known = [*payments, *(one for record in others for one in _with_earlier(record))]
    result.differences += _unknown_locks(wallet, payments, known)
    result.differences += order_books.unknown(wallet, payments, known)
    return result


def _of_lock(wallet: PayingWallet, record: Record) -> list[str]:
    from airflow_provider_deflow.chain import escrow_history

    name = f"{record['task_id']} of {record['run_id']}"
    number = int(record["lock_number"])
    lock = escrow_history.locked_in(wallet.web3, wallet.escrow.address, record["lock_tx"], number, 1.0)
    if lock is None:
        return [f"{name}: the chain has no lock {number} in transaction {record['lock_tx']}"]
    found = []
    if lock.amount != int(record["locked"]):
        found.append(f"{name}: the chain locked {lock.amount}, the ledger says {record['locked']}")
    return found + _of_end(wallet, record, lock, name)


def _of_end(wallet: PayingWallet, record: Record, lock: Locked, name: str) -> list[str]:
    from airflow_provider_deflow.chain import escrow_history

    end = escrow_history.settled(wallet.web3, wallet.escrow, lock)
    ours = _account(record)
    if end is None:
        return (
            [] if ours.held == lock.amount else [f"{name}: still locked, the ledger says {record['state']}"]
        )
    if record["state"] == "locked":
        return [f"{name}: {end.how} in {end.transaction_hash}, which deflow_upkeep has not read yet"]
    claimed = end.amount if end.how == "claimed" else 0
    theirs = (claimed, lock.amount - claimed)
    if (ours.claimed, ours.refunded) == theirs:
        return []
    return [
        f"{name}: claimed, refunded are {theirs} on the chain, {(ours.claimed, ours.refunded)} in the ledger"
    ]


def _of_transactions(wallet: PayingWallet, record: Record) -> list[str]:
    from airflow_provider_deflow.chain import order_history

    found = []
    for sent in record["transactions"]:
        receipt = order_history.receipt_of(wallet.web3, sent["hash"])
        if receipt is None:
            found.append(f"{record['task_id']}: {sent['what']} in {sent['hash']} is not on the chain")
            continue
        gas = order_history.gas_of(receipt)
        if gas != int(sent["gas_wei"]):
            found.append(f"{record['task_id']}: {sent['what']} cost {gas} wei, not {sent['gas_wei']}")
    return found


def _unknown_locks(
    wallet: PayingWallet, payments: Sequence[Record], all_known: Sequence[Record]
) -> list[str]:
    """Locks since the first payment that no record of the ledger is about."""
    from airflow_provider_deflow.chain import escrow_history

    known = {int(one["lock_number"]) for one in all_known if one.get("lock_number")}
    # Before the first start there may be others, made by hand.
    since: dict[str, int] = {}
    for one in payments:
        if one.get("first_block"):
            block = int(one["first_block"])
            since[one["payee"]] = min(block, since.get(one["payee"], block))
            known |= {int(number) for number in one.get("locks_before", ())}
    return [
        f"lock {lock.job_id} of {lock.amount} by {payee} ({lock.transaction_hash}) is not in the ledger"
        for payee, block in since.items()
        for lock in escrow_history.locked_since(
            wallet.web3, wallet.escrow.address, wallet.address, payee, block
        )
        if lock.job_id not in known
    ]


def _account(record: Record) -> Account:
    is_order = order_books.is_order(record)
    return Account(
        run_id=record["run_id"],
        task_id=record["task_id"],
        kind="order" if is_order else "job",
        did=record["did"] if is_order else "",
        state=record["state"],
        token=record["token"],
        decimals=int(record["decimals"]),
        reserved=int(record["amount"]),
        locked=_number(record.get("locked")),
        claimed=0 if is_order else _number(record.get("cost")),
        refunded=_number(record.get("refunded")),
        paid=_number(record.get("cost")) if is_order else 0,
        fees=_number(record.get("fees")),
        gas=sum(int(sent["gas_wei"]) for sent in record["transactions"]),
    )


def _with_earlier(record: Record) -> list[Record]:
    return [*(record.get("earlier") or ()), {**record, "earlier": None}]


def _is_plan(record: Record) -> bool:
    return not record.get("payee") and not order_books.is_order(record)


def _number(value: Any) -> int:
    return int(value) if value is not None else 0
