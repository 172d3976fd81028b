# SPDX-License-Identifier: Apache-2.0
"""What became of a lock, told by the escrow's own events: these prove what a job cost.

A lock that is not there any more was claimed or given back; only its event says which, and how much.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Literal

from hexbytes import HexBytes
from web3 import Web3
from web3.exceptions import TimeExhausted

from airflow_provider_deflow.chain.escrow import Escrow
from airflow_provider_deflow.chain.events import Event, events_in, events_of

# Of one question: many endpoints answer no more blocks at once.
_BLOCKS_AT_ONCE = 5_000
_POLL_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Locked:
    """A lock as it was made."""

    job_id: int
    payer: str
    payee: str
    token: str
    amount: int
    expiry: int
    block: int
    transaction_hash: str


@dataclass(frozen=True, slots=True)
class Settled:
    """A lock's end: `amount` was claimed of it, or was given back."""

    how: Literal["claimed", "refunded"]
    amount: int
    block: int
    transaction_hash: str


def number_of(job_id: str) -> int:
    """A job's number in the escrow, by its id with or without the cluster's hash in front."""
    return int.from_bytes(hashlib.sha256(job_id.rsplit("-", 1)[-1].encode()).digest())


def locked_in(
    web3: Web3, escrow: str, transaction_hash: str, number: int, wait_seconds: float = 120.0
) -> Locked | None:
    """The lock that a transaction made for a job; None when it comes into no block in time, or made none."""
    try:
        receipt = web3.eth.wait_for_transaction_receipt(
            HexBytes(transaction_hash), timeout=wait_seconds, poll_latency=_POLL_SECONDS
        )
    except TimeExhausted:
        return None
    found = [_locked(event) for event in events_in(web3, receipt, "Lock") if event.address == escrow]
    return next((lock for lock in found if lock.job_id == number), None)


def locked_since(web3: Web3, escrow: str, payer: str, payee: str, first_block: int) -> list[Locked]:
    """All locks that a payee made of a payer's funds since."""
    found = [_locked(event) for event in _since(web3, escrow, first_block, "Lock")]
    return [lock for lock in found if (lock.payer, lock.payee) == (payer, payee)]


def settled(web3: Web3, escrow: Escrow, lock: Locked) -> Settled | None:
    """What became of a lock; None while it is still held."""
    if any(one.job_id == lock.job_id for one in escrow.locks(lock.payee, lock.payer, lock.token)):
        return None
    for event in _since(web3, escrow.address, lock.block, "Claimed", "Canceled"):
        told = event.args
        if (told["jobId"], told["payer"], told["payee"]) == (lock.job_id, lock.payer, lock.payee):
            how: Literal["claimed", "refunded"] = "claimed" if event.name == "Claimed" else "refunded"
            return Settled(how, int(told["amount"]), event.block, event.transaction_hash)
    return None


def _since(web3: Web3, escrow: str, first_block: int, *names: str) -> list[Event]:
    last = web3.eth.block_number
    return [
        event
        for first in range(first_block, last + 1, _BLOCKS_AT_ONCE)
        for event in events_of(web3, escrow, names, first, min(first + _BLOCKS_AT_ONCE - 1, last))
    ]


def _locked(event: Event) -> Locked:
    told = event.args
    return Locked(
        job_id=int(told["jobId"]),
        payer=str(told["payer"]),
        payee=str(told["payee"]),
        token=str(told["token"]),
        amount=int(told["amount"]),
        expiry=int(told["expiry"]),
        block=event.block,
        transaction_hash=event.transaction_hash,
    )
