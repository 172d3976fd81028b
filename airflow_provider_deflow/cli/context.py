# SPDX-License-Identifier: Apache-2.0
"""Where a command finds MongoDB, the storage, an Ocean Node and Airflow.

What is said outright comes first (an option, an environment variable), then the stack that is up in
the home folder, then what this Airflow installation is configured with.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote, urlsplit

import click

from airflow_provider_deflow import errors

if TYPE_CHECKING:
    from airflow.providers.mongo.hooks.mongo import MongoHook

    from airflow_provider_deflow.graphs.graph import Graph
    from airflow_provider_deflow.graphs.store import GraphStore
    from airflow_provider_deflow.ledger.reservations import Reservations
    from airflow_provider_deflow.ledger.store import LedgerStore
    from airflow_provider_deflow.ocean.client import OceanNode
    from airflow_provider_deflow.ocean.outputs import ContentStore
    from airflow_provider_deflow.stack.airflow_api import AirflowApi

# A person waits longer than a task does.
READING_SECONDS = 10.0

Hook = TypeVar("Hook", bound="MongoHook")

# Of every command that uses a stack which another one started.
home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    default=".deflow",
    envvar="DEFLOW_HOME",
    show_default=True,
    help="Folder of the stack to use, when one is up.",
)


@dataclass(frozen=True, slots=True)
class CliContext:
    """The home folder of a stack, up or not."""

    home: Path

    @contextmanager
    def store(self) -> Iterator[GraphStore]:
        """The graphs: in MONGO_URI, the stack's MongoDB, or Airflow's connection."""
        from airflow_provider_deflow.graphs.store import GraphStore

        if uri := self._mongo_uri():
            with GraphStore.connected(uri) as store:
                yield store
            return
        from airflow_provider_deflow.hooks.store import GraphStoreHook

        with self._mongo_of_airflow(GraphStoreHook) as hook:
            yield hook.store()

    def graph(self, name: str) -> Graph:
        """The graph in a file, else in the store: as published, or as drawn when it never was."""
        from airflow_provider_deflow.graphs import Graph

        document: Any
        if name == "-" or Path(name).is_file():
            with click.open_file(name, "rb") as file:
                document = read_document(file)
        else:
            with self.store() as store:
                try:
                    document = store.revision(name).document
                except errors.GraphNotFound:
                    document = store.draft(name).document
        return Graph.from_document(document)

    @contextmanager
    def ledger(self) -> Iterator[LedgerStore]:
        """What happened in the runs, from the same MongoDB; with what a stack's tasks had to put by."""
        from airflow_provider_deflow.ledger.store import LedgerStore

        if uri := self._mongo_uri():
            with LedgerStore.connected(uri) as ledger:
                self._bring_what_was_put_by(ledger)
                yield ledger
            return
        from airflow_provider_deflow.hooks.ledger import LedgerHook

        with self._mongo_of_airflow(LedgerHook) as hook:
            yield hook.ledger(timeout_seconds=READING_SECONDS)

    @contextmanager
    def reservations(self) -> Iterator[Reservations]:
        """What paid jobs reserved and cost, from the same MongoDB."""
        from airflow_provider_deflow.ledger.reservations import Reservations

        if uri := self._mongo_uri():
            with Reservations.connected(uri) as reservations:
                yield reservations
            return
        from airflow_provider_deflow.hooks.ledger import LedgerHook

        with self._mongo_of_airflow(LedgerHook) as hook:
            yield hook.payments()[0]

    def use_connections(self) -> None:
        """For what finds Ocean Nodes and wallets by Airflow's connections: those of the stack, if one is up.

        What the environment says already goes before.
        """
        stack = self._stack()
        if not stack.get("ocean_node_url"):
            return
        from airflow_provider_deflow.stack import base_parts
        from airflow_provider_deflow.stack.development_chain import DevelopmentChain
        from airflow_provider_deflow.stack.home import Home

        home, chain = Home.at(self.home), None
        if stack.get("rpc_url"):
            chain = DevelopmentChain(stack["rpc_url"], Path(stack["address_file"]), int(stack["chain_id"]))
        nodes = {"ocean_node_default": base_parts.local_ocean_node(stack["ocean_node_url"])}
        found = base_parts.connections(home, stack["mongo_uri"], nodes, None, chain)
        for name, value in {"AIRFLOW_HOME": str(home.airflow), **found}.items():
            os.environ.setdefault(name, value)

    def published_sha256(self, slug: str) -> str | None:
        """The hash of a graph's newest revision, which the stack's Airflow is to have; None if not known."""
        from airflow_provider_deflow.graphs.store import GraphStore

        uri = self._stack().get("mongo_uri")
        if uri is None:
            return None
        try:
            with GraphStore.connected(uri) as store:
                return store.revision(slug).sha256
        except errors.GraphError:
            return None

    def _mongo_uri(self) -> str | None:
        return os.environ.get("MONGO_URI") or self._stack().get("mongo_uri")

    def _mongo_of_airflow(self, hook: Callable[[], Hook]) -> Hook:
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            return hook()
        except AirflowNotFoundException as error:
            raise errors.SettingsError(
                f"no MongoDB is known: no stack is up in {self.home}, MONGO_URI is not set, and Airflow says "
                f"{str(error)!r}. Start one with `deflow up`, or name one of these."
            ) from error

    def _bring_what_was_put_by(self, ledger: LedgerStore) -> None:
        """Of a stack only: to find another storage costs the start of Airflow."""
        if self._stack().get("storage"):
            from airflow_provider_deflow.ledger.spool import Spool

            spool = Spool(self._storage_folder())
            give_up_at = time.monotonic() + READING_SECONDS
            spool.bring(ledger.written, give_up_at, most=10_000)
            if time.monotonic() > give_up_at:
                click.echo("Tasks put more by than there was time to bring: run this again.", err=True)

    def storage(self) -> ContentStore:
        """DeFlow's storage: the stack's, or the one that Airflow's `[deflow] storage` names."""
        if self._stack().get("storage"):
            from airflow_provider_deflow.ocean.outputs import ContentStore

            return ContentStore(self._storage_folder())
        from airflow_provider_deflow.hooks.storage import content_store

        return content_store()

    def ocean_node(self, connection: str, url: str | None = None) -> OceanNode:
        """The Ocean Node at `url`, else the stack's, else that of an Airflow connection."""
        from airflow_provider_deflow.ocean.client import OceanNode

        if url is None and connection == "ocean_node_default":
            url = self._stack().get("ocean_node_url")
        if url:
            return OceanNode(url)
        from airflow.sdk.exceptions import AirflowNotFoundException

        from airflow_provider_deflow.hooks.ocean_node import OceanNodeHook

        try:
            return OceanNodeHook(connection).client()
        except AirflowNotFoundException as error:
            raise errors.SettingsError(
                f"no Ocean Node is known: no stack is up in {self.home}, and Airflow says {str(error)!r}. "
                "Name one with --ocean-node-url, or make the connection."
            ) from error

    def airflow(self, url: str | None) -> AirflowApi:
        """Airflow at `url`, or the stack's, as the user of DEFLOW_AIRFLOW_USERNAME and …_PASSWORD."""
        from airflow_provider_deflow.stack.airflow_api import AirflowApi

        stack = self._stack()
        if not (url or stack.get("airflow_url")):
            raise errors.SettingsError(
                f"no Airflow is known: no stack is up in {self.home}. Start one with `deflow up`, or name "
                "one with --airflow-url, its login in DEFLOW_AIRFLOW_USERNAME and DEFLOW_AIRFLOW_PASSWORD."
            )
        if url and urlsplit(url).scheme not in ("http", "https"):
            raise errors.SettingsError(f"--airflow-url {url!r} is no address such as http://localhost:8080.")
        # The stack's login is for the stack's Airflow only.
        login = stack if url in (None, stack.get("airflow_url")) else {}
        username = os.environ.get("DEFLOW_AIRFLOW_USERNAME") or login.get("username", "")
        password = os.environ.get("DEFLOW_AIRFLOW_PASSWORD") or login.get("password", "")
        if not (username and password):
            raise errors.SettingsError(
                f"no login for Airflow at {url}: set DEFLOW_AIRFLOW_USERNAME and DEFLOW_AIRFLOW_PASSWORD."
            )
        return AirflowApi(url or stack["airflow_url"], username, password)

    def _storage_folder(self) -> Path:
        return Path(unquote(urlsplit(self._stack()["storage"]).path))

    def _stack(self) -> dict[str, Any]:
        from airflow_provider_deflow.stack.home import read_stack

        return read_stack(self.home) or {}


def read_document(file: IO[bytes]) -> Any:
    """The JSON in `file`, whatever it is. Raises `SettingsError` with the place of what is not JSON."""
    name = getattr(file, "name", "<stdin>")
    try:
        return json.loads(file.read().decode("utf-8-sig"))
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise errors.SettingsError(f"{name} is not JSON: {error.msg} at {where}") from error
    except UnicodeDecodeError as error:
        raise errors.SettingsError(f"{name} is not UTF-8 text, at byte {error.start}") from error
    except RecursionError as error:
        raise errors.SettingsError(f"{name} is nested too deep to be a graph") from error
