# SPDX-License-Identifier: Apache-2.0
"""The locks of paid jobs: read from the chain, told from each other, settled, and reclaimed.

The escrow knows a job by a hash of its id and no key of ours. A lock whose job nobody knows is told by
exclusion: it was made after our start was sent, for its amount, and is of no job that the Ocean Node lists
or the ledger has.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean import job_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_deflow.chain.escrow import Escrow, Lock
    from airflow_provider_deflow.chain.escrow_history import Locked
    from airflow_provider_deflow.chain.transactions import Sends
    from airflow_provider_deflow.job_search import NodeOfRun, Search
    from airflow_provider_deflow.ledger.entry import Run
    from airflow_provider_deflow.ledger.reservations import Record, Reservations
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob


Fate = Literal["no lock", "held", "expired", "settled"]


@dataclass(frozen=True)
class PayingWallet:
    """An account that pays on one chain, and the Ocean Nodes that its owner trusts with it."""

    sends: Sends
    chain_id: int
    escrow_address: str
    trusted: frozenset[str]
    conn_id: str = ""

    @property
    def address(self) -> str:
        return self.sends.address

    @property
    def web3(self) -> Any:
        return self.sends.web3

    @cached_property
    def escrow(self) -> Escrow:
        from airflow_provider_deflow.chain.escrow import Escrow

        return Escrow(self.web3, self.escrow_address)

    @property
    def lease(self) -> str:
        """What has to be held to spend of the account's tokens, which all its starts share."""
        return f"wallet {self.address} on chain {self.chain_id}"

    def lease_at(self, payee: str) -> str:
        """What has to be held to change what the account allows a payee, or to let it lock."""
        return f"{self.lease} at {payee.lower()}"

    def block_number(self) -> int:
        return int(self.web3.eth.block_number)

    def now(self) -> int:
        """By the chain's clock, which decides when a lock has expired."""
        return int(self.web3.eth.get_block("latest")["timestamp"])

    def require_trust(self, url: str) -> None:
        """A signature for one Ocean Node could be used at another."""
        if _bare(url) not in {_bare(one) for one in self.trusted}:
            raise errors.SettingsError(
                f"the wallet {self.conn_id!r} does not trust {url}, so it pays nothing there. "
                "Add the URL to `ocean_nodes` in the connection's extra, or choose another wallet."
            )


class Locks:
    """What one wallet has locked, by the chain and by the ledger."""

    def __init__(self, wallet: PayingWallet, reservations: Reservations, say: Callable[[str], None]) -> None:
        self._wallet = wallet
        self._reservations = reservations
        self._say = say

    def held(self, payee: str, token: str) -> list[Lock]:
        return self._wallet.escrow.locks(payee, self._wallet.address, token)

    def telling(self, key: str) -> Callable[[str, Any], None]:
        """Keeps each transaction with its gas."""

        def tell(purpose: str, receipt: Any) -> None:
            what = purpose.removeprefix(key).strip()
            transaction_hash = self._wallet.web3.to_hex(receipt["transactionHash"])
            gas = int(receipt["gasUsed"]) * int(receipt["effectiveGasPrice"])
            self._say(f"{what}: transaction {transaction_hash}, gas {gas} wei")
            self._reservations.add_transaction(
                key, {"what": what, "hash": transaction_hash, "gas_wei": str(gas)}
            )

        return tell

    def found(self, key: str, job: ComputeJob) -> None:
        """The job of a reservation is known: so is its lock, when the chain shows it."""
        from airflow_provider_deflow.chain import escrow_history

        record = self._reservations.get(key)
        if record is None or record["state"] not in ("reserved", "sent"):
            return
        number = escrow_history.number_of(job.job_id)
        self._reservations.note(key, state="sent", job_id=job.job_id, lock_number=number)
        try:
            lock = self._lock_of(record, number, job.payment.lock_tx if job.payment else None)
        except errors.ChainError as error:
            self._say(f"job {job.job_id}: its lock cannot be read now ({error}); it counts when it is")
            return
        if lock is None:
            self._say(f"job {job.job_id}: its lock is not on the chain yet; it counts when it is")
            return
        self._note_lock(key, lock)
        self._say(
            f"job {job.job_id}: {_whole(record, lock.amount)} tokens are locked until {_utc(lock.expiry)} "
            f"(transaction {lock.transaction_hash})"
        )

    def settle(self, record: Record) -> Fate:
        """What became of a reservation's lock, by the chain: the ledger has its cost then."""
        if record["state"] not in ("sent", "locked") or not record.get("lock_number"):
            return "no lock"
        lock = self._lock_of(record, int(record["lock_number"]), record.get("lock_tx"))
        if lock is None:
            return "no lock"
        self._note_lock(record["_id"], lock)
        return self._settle(record, lock)

    def _settle(self, record: Record, lock: Locked) -> Fate:
        from airflow_provider_deflow.chain import escrow_history

        end = escrow_history.settled(self._wallet.web3, self._wallet.escrow, lock)
        if end is None:
            return "expired" if lock.expiry < self._wallet.now() else "held"
        cost = end.amount if end.how == "claimed" else 0
        back = lock.amount - cost
        proof = {"how": end.how, "end_tx": end.transaction_hash, "refunded": back}
        if cost or record.get("job_id"):
            self._reservations.settle(record["_id"], cost, **proof)
        else:
            # There never was a job: the same start may be sent again.
            self._reservations.release(record["_id"], **proof)
        self._say(
            f"{record['task_id']}: {_whole(record, cost)} tokens were paid, {_whole(record, back)} came back"
        )
        return "settled"

    def require_none_held(self, search: Search, run: Run, node: NodeOfRun, *, forced: bool = False) -> None:
        """Reclaim what has expired of this node's locks. Raises `LockOrphaned` for one that has no job."""
        for record in self._reservations.of_run(run):
            if (record["task_id"], record.get("map_index", -1)) != (node.node_id, node.map_index):
                continue
            if record["state"] not in ("sent", "locked"):
                continue
            lock = self.orphaned(record, search.ocean_node)
            if lock is None:
                continue
            if self.has_expired(lock):
                self.reclaim(record, lock)
            elif not forced:
                raise self.orphan_error(record, lock)

    def has_expired(self, lock: Locked) -> bool:
        return lock.expiry < self._wallet.now()

    def lock_of(self, record: Record) -> Locked | None:
        """The lock of a reservation whose job is known."""
        if not record.get("lock_number"):
            return None
        return self._lock_of(record, int(record["lock_number"]), record.get("lock_tx"))

    def orphaned(self, record: Record, ocean_node: OceanNode) -> Locked | None:
        """The lock of a start whose job the Ocean Node does not know, while it is held."""
        if record.get("job_id") and ocean_node.status(record["job_id"]) is not None:
            return None
        if record.get("lock_number"):
            lock = self._lock_of(record, int(record["lock_number"]), record.get("lock_tx"))
        else:
            lock = self._unknown_lock(record, ocean_node)
        if lock is None:
            return None
        if all(one.job_id != lock.job_id for one in self.held(lock.payee, lock.token)):
            self._settle(record, lock)
            return None
        self._note_lock(record["_id"], lock)
        return lock

    def reclaim(self, record: Record, lock: Locked) -> None:
        """An expired lock goes back to the payer; counted when its event is there."""
        from airflow_provider_deflow.chain.escrow import Lock

        expired = Lock(lock.job_id, lock.payer, lock.amount, lock.expiry, lock.token)
        purpose = f"{record['_id']} reclaim {lock.job_id}"
        sends = self._wallet.sends
        sent = self._wallet.escrow.cancel_expired(sends, lock.payee, [expired], purpose=purpose)
        self.telling(record["_id"])(purpose, sends.confirm(sent))
        self._settle(record, lock)

    def orphan_error(self, record: Record, lock: Locked) -> errors.LockOrphaned:
        return errors.LockOrphaned(
            f"{record['task_id']!r}: {_whole(record, lock.amount)} tokens of {lock.token} are locked in the "
            f"escrow for a job that the Ocean Node does not know (transaction {lock.transaction_hash}). They "
            f"come back when the lock expires, at {_utc(lock.expiry)}; deflow_upkeep reclaims them then. "
            "Nothing else is paid for this node before: clear it after that, or pay for another job beside "
            "it by `force_new`.",
            expiry=lock.expiry,
        )

    def _unknown_lock(self, record: Record, ocean_node: OceanNode) -> Locked | None:
        from airflow_provider_deflow.chain import escrow_history

        payer, payee = self._wallet.address, record["payee"]
        listed = ocean_node.ask(job_records.of_wallet(payer))
        known = {escrow_history.number_of(one.job.job_id) for one in listed}
        known |= {int(number) for number in record.get("locks_before", ())}
        for other in self._reservations.of_payer(self._wallet.chain_id, payer):
            if other["_id"] != record["_id"] and other.get("lock_number"):
                known.add(int(other["lock_number"]))
        made = escrow_history.locked_since(
            self._wallet.web3, self._wallet.escrow.address, payer, payee, int(record["first_block"])
        )
        ours = (lock for lock in made if lock.job_id not in known and lock.amount == int(record["amount"]))
        return next(ours, None)

    def _lock_of(self, record: Record, number: int, transaction_hash: str | None) -> Locked | None:
        from airflow_provider_deflow.chain import escrow_history

        web3, escrow = self._wallet.web3, self._wallet.escrow.address
        if transaction_hash and (lock := escrow_history.locked_in(web3, escrow, transaction_hash, number)):
            return lock
        made = escrow_history.locked_since(
            web3, escrow, self._wallet.address, record["payee"], int(record.get("first_block") or 0)
        )
        return next((lock for lock in made if lock.job_id == number), None)

    def _note_lock(self, key: str, lock: Locked) -> None:
        self._reservations.note(
            key,
            state="locked",
            lock_number=lock.job_id,
            lock_tx=lock.transaction_hash,
            lock_block=lock.block,
            locked=lock.amount,
            expiry=lock.expiry,
        )


def _bare(url: str) -> str:
    return url.rstrip("/").lower()


def _whole(record: Record, base_units: int) -> str:
    from airflow_provider_deflow.chain.units import to_tokens

    return f"{to_tokens(base_units, int(record['decimals'])).normalize():f}"


def _utc(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
