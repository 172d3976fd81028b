# SPDX-License-Identifier: Apache-2.0
"""The way to MongoDB: calls that end in time, and its troubles in our words, never in pymongo's.

pymongo's own words may repeat the URI, and with it a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pymongo
from pymongo import MongoClient
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError

from airflow_provider_deflow import errors

DATABASE = "deflow"
SELECTION_TIMEOUT_SECONDS = 3.0
CLOSING_SECONDS = 0.2

_NOT_A_REPLICA_SET = 20


def client_at(uri: str) -> MongoClient[dict[str, Any]]:
    """A client that looks for its server for `SELECTION_TIMEOUT_SECONDS`. Raises `SettingsError`."""
    with opening("the MongoDB URI", "it must be like mongodb://host:27017/?replicaSet=rs0"):
        return MongoClient(
            uri, serverSelectionTimeoutMS=int(SELECTION_TIMEOUT_SECONDS * 1000), appname="deflow"
        )


@contextmanager
def opening(what: str, hint: str) -> Iterator[None]:
    """Making a client from `what` a person wrote. Raises `SettingsError`."""
    try:
        yield
    except (PyMongoError, ValueError, TypeError) as error:
        raise errors.SettingsError(f"{what} cannot be used ({type(error).__name__}): {hint}") from None


@contextmanager
def answering(
    client: MongoClient[dict[str, Any]], timeout_seconds: float, known_as: str = ""
) -> Iterator[None]:
    """Bound the time of all calls within. Raises `StoreUnreachable` and `SettingsError`.

    `known_as` is where a person set the server up, for the message: "connection 'deflow_mongo'".
    """
    try:
        with pymongo.timeout(timeout_seconds):
            _find_primary(client, min(timeout_seconds, SELECTION_TIMEOUT_SECONDS))
            yield
    except PyMongoError as error:
        raise _trouble(client, error, known_as) from error


def let_go(client: MongoClient[dict[str, Any]]) -> None:
    """Close at once: pymongo would tell the server so, and wait for one that is away."""
    with pymongo.timeout(CLOSING_SECONDS):
        client.close()


def _find_primary(client: MongoClient[dict[str, Any]], timeout_seconds: float) -> None:
    # A timeout of pymongo's also bounds looking for a server, and takes all of it for one that is away.
    if not client.topology_description.has_writable_server():
        with pymongo.timeout(timeout_seconds):
            client.admin.command("ping")


def _trouble(client: MongoClient[dict[str, Any]], error: PyMongoError, known_as: str) -> errors.DeflowError:
    servers = client.topology_description.server_descriptions()
    where = ", ".join(f"{host}:{port}" for host, port in sorted(servers, key=str)) or "its address"
    where += f" ({known_as})" if known_as else ""
    if isinstance(error, OperationFailure) and error.code == _NOT_A_REPLICA_SET:
        return errors.SettingsError(
            f"MongoDB at {where} has no transactions: make it a replica set (mongod --replSet rs0)"
        )
    if error.has_error_label("TransientTransactionError"):
        return errors.StoreUnreachable(
            f"MongoDB at {where} did not get to this change, because others change the same. Try again later."
        )
    if isinstance(error, OperationFailure | ConfigurationError):
        kind = (getattr(error, "details", None) or {}).get("codeName") or type(error).__name__
        return errors.SettingsError(f"MongoDB at {where} refused: {kind}. Check its URI, login and rights.")
    return errors.StoreUnreachable(
        f"MongoDB at {where} does not answer ({type(error).__name__}). "
        "Is it running, and has it elected a primary?"
    )
