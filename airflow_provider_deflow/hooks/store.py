# SPDX-License-Identifier: Apache-2.0
"""The graph store behind Airflow's own `mongo` connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_deflow.hooks.mongo import DeflowMongoHook

if TYPE_CHECKING:
    from airflow_provider_deflow.graphs.store import GraphStore


class GraphStoreHook(DeflowMongoHook):
    """Opens the graphs kept in MongoDB; connection form, TLS and test button are those of `mongo`."""

    hook_name = "DeFlow graph store"

    def store(self) -> GraphStore:
        """The graphs in the connection's database."""
        from airflow_provider_deflow.graphs.store import GraphStore

        # pymongo's own default of 30 s would hold up a parse or a refresh that has a last good copy.
        self.extras.setdefault("serverSelectionTimeoutMS", 3000)
        return GraphStore(self.database(), known_as=self.known_as)
