# SPDX-License-Identifier: Apache-2.0
"""Airflow's own `mongo` connection as DeFlow uses it: one database, and no password in an error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.exceptions import AirflowConfigException
from airflow.providers.mongo.hooks.mongo import MongoHook

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import mongo
from airflow_provider_deflow.hooks import settings

if TYPE_CHECKING:
    from pymongo.database import Database


class DeflowMongoHook(MongoHook):
    """Opens the database that the connection's schema names (else `deflow`).

    :param mongo_conn_id: `[deflow] mongo_conn_id` when not given
    """

    default_conn_name = settings.MONGO_CONN_ID

    def __init__(self, mongo_conn_id: str | None = None) -> None:
        conn_id = mongo_conn_id or settings.mongo_conn_id()
        self.known_as = f"connection {conn_id!r}"
        try:
            super().__init__(mongo_conn_id=conn_id)
        except AirflowConfigException as error:
            raise errors.SettingsError(f"{self.known_as} is not for MongoDB: {error}") from error

    def __exit__(self, *_: object) -> None:
        if self.client is not None:
            mongo.let_go(self.client)
            self.client = None

    def database(self) -> Database[dict[str, Any]]:
        """Not connected yet. Raises `SettingsError` for a connection that no client can be made from."""
        with mongo.opening(f"{self.known_as} as MongoDB", "check its host, port, login, schema and extra"):
            return self.get_conn()[self.connection.schema or settings.MONGO_DATABASE]
