# SPDX-License-Identifier: Apache-2.0
"""The ledger behind the same `mongo` connection as the graphs, for a task that must not wait for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.mongo.hooks.mongo import MongoHook

from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.ledger.recorder import CALL_SECONDS

if TYPE_CHECKING:
    from airflow_provider_deflow.ledger.store import LedgerStore

# Of the connection's own options these do not hold here: a task does not wait for its history.
_NO_WAITING = {
    "serverSelectionTimeoutMS": int(CALL_SECONDS * 1000),
    "connectTimeoutMS": int(CALL_SECONDS * 1000),
    "socketTimeoutMS": int(CALL_SECONDS * 1000),
}


class LedgerHook(MongoHook):
    """Opens the ledger; connection form, TLS and test button are those of `mongo`."""

    hook_name = "DeFlow ledger"
    default_conn_name = settings.MONGO_CONN_ID

    def __init__(self, mongo_conn_id: str | None = None) -> None:
        super().__init__(mongo_conn_id=mongo_conn_id or settings.mongo_conn_id())

    def ledger(self, *, timeout_seconds: float = CALL_SECONDS) -> LedgerStore:
        """The ledger in the database that the connection's schema names (else `deflow`)."""
        from airflow_provider_deflow.ledger.store import LedgerStore

        self.extras.update(_NO_WAITING)
        return LedgerStore(
            self.get_conn()[self.connection.schema or settings.MONGO_DATABASE],
            retention_days=settings.ledger_retention_days(),
            timeout_seconds=timeout_seconds,
        )
