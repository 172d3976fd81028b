# SPDX-License-Identifier: Apache-2.0
"""What paid jobs cost is brought into the ledger, expired locks come back, authorisations end.

An Ocean Node claims once an hour, long after most tasks have ended. What a reservation became is read
from the escrow's events; the wallet that made it is the one its connection names, and one that names
another account by now is reported and left alone.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowNotFoundException

from airflow_provider_deflow import errors, order_books
from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook
from airflow_provider_deflow.hooks.ocean_wallet import OceanWalletHook
from airflow_provider_deflow.hooks.paying import paying_wallet
from airflow_provider_deflow.job_locks import Locks
from airflow_provider_deflow.job_search import METADATA_KEY
from airflow_provider_deflow.ledger.entry import Place, Run
from airflow_provider_deflow.ledger.reservations import OPEN
from airflow_provider_deflow.ocean import job_records
from airflow_provider_deflow.upkeep.known import Task

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from airflow_provider_deflow.chain.escrow_history import Locked
    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.ledger.leases import Lease, Leases
    from airflow_provider_deflow.ledger.reservations import Record, Reservations
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.compute import ComputeJob
    from airflow_provider_deflow.upkeep.fate import Airflow
    from airflow_provider_deflow.upkeep.known import Desk

# A start that was sent, of which there is neither a job nor a lock after so long, came to nothing.
NOTHING_CAME = timedelta(hours=2)
# Upkeep comes again: it does not wait long for a task that pays.
LEASE_WAIT_SECONDS = 30.0
_ASKS = ("planned", "reserved", "sent")


def settle_payments(desk: Desk, reservations: Reservations, leases: Leases, airflow: Airflow) -> None:
    """All reservations that have not ended, wallet by wallet; what is wrong with one holds up no other."""
    by_wallet: defaultdict[str, dict[str, Record]] = defaultdict(dict)
    for record in (*reservations.open(), *reservations.not_revoked()):
        by_wallet[record["wallet_conn_id"]][record["_id"]] = record
    for conn_id, records in by_wallet.items():
        try:
            wallet = paying_wallet(conn_id)
            _require_same(wallet, records.values())
            _Round(desk, reservations, leases, airflow, wallet).settle(list(records.values()))
        except (errors.DeflowError, AirflowNotFoundException) as error:
            desk.say(f"look at the payments of {conn_id!r} yourself: {error}")


def _require_same(wallet: PayingWallet, records: Iterable[Record]) -> None:
    others = {one["payer"] for one in records} - {wallet.address}
    if others:
        raise errors.SettingsError(
            f"it is {wallet.address} by now, and {', '.join(sorted(others))} paid. Give the former account a "
            "connection of that name again until its locks are settled."
        )


class _Round:
    """One wallet's payments."""

    def __init__(
        self,
        desk: Desk,
        reservations: Reservations,
        leases: Leases,
        airflow: Airflow,
        wallet: PayingWallet,
    ) -> None:
        self._desk = desk
        self._reservations = reservations
        self._leases = leases
        self._airflow = airflow
        self._wallet = wallet
        self._locks = Locks(wallet, reservations, desk.say)

    def settle(self, records: list[Record]) -> None:
        for record in records:
            if order_books.is_order(record):
                self._settle_order(record)
            elif record["state"] in ("planned", "reserved"):
                self._release_unsent(record)
            elif record["state"] not in OPEN:
                continue
            elif self._desk.dry_run:
                self._desk.say(f"look what became of the payment for {_task(record)}")
            else:
                self._settle(record)
        self._revoke(records)

    def _release_unsent(self, record: Record) -> None:
        if not self._is_final(record):
            return
        self._desk.say(f"release {record['amount']} base units that {_task(record)} never locked")
        if not self._desk.dry_run:
            self._reservations.release(record["_id"])

    def _settle_order(self, record: Record) -> None:
        """A task that was killed may have bought a datatoken, or ordered with it, and could not say so."""
        if record["state"] not in OPEN or not self._is_final(record):
            return
        sent = order_books.transactions_of(self._wallet, record)
        what = "count" if sent.keys() & {"bought", "order"} else "release"
        self._desk.say(f"{what} {record['amount']} base units for the order of {_task(record)}")
        if not self._desk.dry_run:
            order_books.settle(self._wallet, self._reservations, str(record["_id"]))

    def _settle(self, record: Record) -> None:
        fate = self._locks.settle(record)
        lock = self._locks.lock_of(record) if fate in ("held", "expired") else None
        if lock and fate == "expired":
            with self._lease(record["payee"]):
                self._locks.reclaim(record, lock)
        elif lock and not record.get("job_id"):
            self._report(record, lock)
        elif fate == "no lock" and self._is_final(record):
            self._look_for_orphan(record)

    def _look_for_orphan(self, record: Record) -> None:
        """A start of which no task heard: is there money in the escrow for it?"""
        signer = OceanWalletHook(record["wallet_conn_id"]).signer()
        with (
            OceanNodeHook(record["ocean_node_conn_id"]).client(signer) as ocean_node,
            self._lease(record["payee"]),
        ):
            if job := _job_of(record, ocean_node):
                self._locks.found(record["_id"], job)
                return
            lock = self._locks.orphaned(record, ocean_node) if "first_block" in record else None
        if lock is None:
            if self._desk.now - record["changed_at"] > NOTHING_CAME:
                self._desk.say(
                    f"release {record['amount']} base units: nothing came of a start of {_task(record)}"
                )
                self._reservations.release(record["_id"])
        elif self._locks.has_expired(lock):
            with self._lease(record["payee"]):
                self._locks.reclaim(record, lock)
        else:
            self._report(record, lock)

    def _report(self, record: Record, lock: Locked) -> None:
        """Money is held for a job that there is not: once."""
        if record.get("told"):
            return
        self._reservations.note(record["_id"], told=True)
        what = str(self._locks.orphan_error(record, lock))
        self._desk.say(what)
        self._desk.alarm("orphan", what, _task(record), str(record.get("job_id", "")), record["ocean_node"])

    def _revoke(self, records: list[Record]) -> None:
        """Of a payee for whom no run of ours asks any more; what is locked stays claimable."""
        by_payee: defaultdict[tuple[str, str], list[Record]] = defaultdict(list)
        for one in records:
            # An order allows nobody anything, and has no payee.
            if one.get("payee") and not one.get("revoked"):
                by_payee[one["payee"], one["token"]].append(one)
        for (payee, token), theirs in by_payee.items():
            if not all(self._is_final(one) for one in theirs):
                continue
            if self._may_lock(payee, token):
                self._desk.say(f"let {payee} lock nothing more of {token} for {self._wallet.address}")
            if not self._desk.dry_run:
                self._revoke_one(payee, token, theirs)

    def _may_lock(self, payee: str, token: str) -> bool:
        from airflow_provider_deflow.chain import funding

        escrow, payer = self._wallet.escrow, self._wallet.address
        return funding.authorization_of(escrow, payer, payee, token).max_locked_amount > 0

    def _revoke_one(self, payee: str, token: str, theirs: list[Record]) -> None:
        from airflow_provider_deflow.chain import funding

        last = str(max(theirs, key=lambda one: one["at"])["_id"])
        with self._lease(payee):
            if not self._nobody_asks(payee):
                return
            tell = self._locks.telling(last)
            funding.revoke(self._wallet.escrow, self._wallet.sends, payee, token, last, tell)
        self._reservations.revoked([one["_id"] for one in theirs])

    def _nobody_asks(self, payee: str) -> bool:
        """Looked at again under the lease: a start may have begun meanwhile."""
        return not any(
            one["state"] in _ASKS and not self._is_final(one)
            for one in self._reservations.open()
            if one["payer"] == self._wallet.address and one.get("payee") in (payee, None)
        )

    def _is_final(self, record: Record) -> bool:
        return self._airflow.fate(_task(record)) == "final"

    def _lease(self, payee: str) -> AbstractContextManager[Lease]:
        return self._leases.held(self._wallet.lease_at(payee), wait_seconds=LEASE_WAIT_SECONDS)


def _job_of(record: Record, ocean_node: OceanNode) -> ComputeJob | None:
    """The job of a start that nobody heard the answer to; it is paid all the same."""
    if record.get("job_id"):
        return None
    listed = ocean_node.ask(job_records.of_wallet(record["payer"]))
    return next((one.job for one in listed if one.job.metadata.get(METADATA_KEY) == record["_id"]), None)


def _task(record: Record) -> Task:
    place = Place(record["task_id"], int(record.get("map_index", -1)))
    return Task(Run(record["dag_id"], record["run_id"]), place)
