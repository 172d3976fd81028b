# SPDX-License-Identifier: Apache-2.0
"""The graph store behind Airflow's own `mongo` connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow.providers.mongo.hooks.mongo import MongoHook

from airflow_provider_deflow.hooks import settings

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs.store import GraphStore


class GraphStoreHook(MongoHook):
    """Opens the graphs kept in MongoDB; connection form, TLS and test button are those of `mongo`."""

    hook_name = "DeFlow graph store"
    default_conn_name = settings.MONGO_CONN_ID

    def __init__(self, mongo_conn_id: str | None = None) -> None:
        super().__init__(mongo_conn_id=mongo_conn_id or settings.mongo_conn_id())

    def store(self) -> GraphStore:
        """The graphs in the database that the connection's schema names (else `deflow`)."""
        from airflow_provider_deflow.graphs.store import GraphStore

        # pymongo's own default of 30 s would hold up a parse or a refresh that has a last good copy.
        self.extras.setdefault("serverSelectionTimeoutMS", 3000)
        return GraphStore(self.get_conn()[self.connection.schema or settings.MONGO_DATABASE])
