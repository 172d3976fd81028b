# SPDX-License-Identifier: Apache-2.0
"""The ledger behind the same `mongo` connection as the graphs, for a task that must not wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.hooks.mongo import DeflowMongoHook
from airflow_provider_deflow.ledger.recorder import CALL_SECONDS

if TYPE_CHECKING:
    from airflow_provider_deflow.ledger.leases import Leases
    from airflow_provider_deflow.ledger.reservations import Reservations
    from airflow_provider_deflow.ledger.store import LedgerStore

# Of the connection's own options these do not hold here: a task does not wait for its history.
_WAITS = ("serverSelectionTimeoutMS", "connectTimeoutMS", "socketTimeoutMS")


class LedgerHook(DeflowMongoHook):
    """Opens the ledger; connection form, TLS and test button are those of `mongo`."""

    hook_name = "DeFlow ledger"

    def ledger(self, *, timeout_seconds: float = CALL_SECONDS) -> LedgerStore:
        """The ledger in the connection's database."""
        from airflow_provider_deflow.ledger.store import LedgerStore

        self.extras.update(dict.fromkeys(_WAITS, int(timeout_seconds * 1000)))
        return LedgerStore(
            self.database(),
            retention_days=settings.ledger_retention_days(),
            timeout_seconds=timeout_seconds,
            known_as=self.known_as,
        )

    def payments(self) -> tuple[Reservations, Leases]:
        """What paid jobs reserve and who pays now. These are waited for: without them nothing is paid."""
        from airflow_provider_deflow.ledger.leases import Leases
        from airflow_provider_deflow.ledger.reservations import Reservations

        database = self.database()
        return Reservations(database, known_as=self.known_as), Leases(database, known_as=self.known_as)
