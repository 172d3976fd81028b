# SPDX-License-Identifier: Apache-2.0
"""One wallet's funds in the escrow, shared by starts at several Ocean Nodes.

A start holds its wallet's place at its own node until the lock is read; that may take long. The funds are
one for all nodes, and are held only while they are looked at and added to. What was added is promised to its
start, in the ledger, until its lock is on the chain: so the next one, at another node, leaves it alone.

Who has to add something adds for those as well who wait: two transactions less for each of them. It is the
wallet's own money in the wallet's own account; what an Ocean Node may lock is authorised for one start only.

A promise holds as long as its start holds its place. Of a killed one nothing has to be cleared.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from airflow_provider_deflow.ledger.leases import WAIT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider_deflow.job_locks import PayingWallet
    from airflow_provider_deflow.ledger.leases import Lease, Leases
    from airflow_provider_deflow.ledger.reservations import Record, Reservations


@dataclass(frozen=True)
class SharedFunds:
    """The funds of `wallet` as the start `key` sees them, which holds `place` at its Ocean Node."""

    wallet: PayingWallet
    reservations: Reservations
    leases: Leases
    key: str
    token: str
    place: Lease

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Nobody else brings funds in, or counts on them, in the block; what there is then is promised."""
        with self.leases.held(self.wallet.lease, wait=self._wait):
            yield
            self.reservations.note(self.key, promised_by=self.place.holder)

    def promised(self) -> int:
        """To other starts, which have not locked it yet; in base units."""
        found = self.reservations.promised(self.wallet.chain_id, self.wallet.address, self.token)
        return sum(int(one["amount"]) for one in found if one["_id"] != self.key and self._stands(one))

    def waiting(self) -> int:
        """What starts that have reserved their amounts, and wait for their turn now, will need."""
        since = datetime.now(UTC) - timedelta(seconds=WAIT_SECONDS)
        found = self.reservations.waiting(self.wallet.chain_id, self.wallet.address, self.token, since)
        return sum(int(one["amount"]) for one in found if one["_id"] != self.key)

    def _stands(self, record: Record) -> bool:
        payee = str(record["payee"])
        if not self.leases.is_held_by(self.wallet.lease_at(payee), record["promised_by"]):
            return False
        if record["state"] == "reserved":
            return True
        # Starts at one node go one after the other: a lock that is new there is this one's.
        before = set(record.get("locks_before", ()))
        locks = self.wallet.escrow.locks(payee, self.wallet.address, self.token)
        return all(str(lock.job_id) in before for lock in locks)

    def _wait(self, seconds: float) -> None:
        time.sleep(seconds)
        self.place.renew()
