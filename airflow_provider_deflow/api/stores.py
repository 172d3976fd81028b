# SPDX-License-Identifier: Apache-2.0
"""The graph store and the ledger of this process, opened once and kept while their connection is the same."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import Depends

from airflow_provider_deflow.graphs import store
from airflow_provider_deflow.hooks.ledger import LedgerHook
from airflow_provider_deflow.hooks.store import GraphStoreHook
from airflow_provider_deflow.ledger import store as ledger_store

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider_deflow.hooks.mongo import DeflowMongoHook

# A person is waiting, and a run is on the canvas every two seconds.
LEDGER_SECONDS = 5.0

_lock = threading.Lock()
_kept: dict[type, tuple[str, Any, Any]] = {}


def graph_store() -> store.GraphStore:
    """Of Airflow's connection for MongoDB. Raises what keeps it from being used."""
    opened: store.GraphStore = _opened(GraphStoreHook, lambda hook: hook.store())
    return opened


def ledger() -> ledger_store.LedgerStore:
    """The same for the ledger."""
    opened: ledger_store.LedgerStore = _opened(
        LedgerHook, lambda hook: hook.ledger(timeout_seconds=LEDGER_SECONDS)
    )
    return opened


def close() -> None:
    """Let go of all servers."""
    with _lock:
        for _, opened, _ in _kept.values():
            opened.close()
        _kept.clear()


def _opened(kind: type[DeflowMongoHook], open_: Callable[[Any], Any]) -> Any:
    hook = kind()
    uri = str(hook.connection.get_uri())
    with _lock:
        known = _kept.get(kind)
        if known is None or known[0] != uri:
            if known is not None:
                known[1].close()
            opened = open_(hook)
            # The hook is kept too: it would close the client when it goes.
            _kept[kind] = known = (uri, opened, hook)
        return known[1]


Graphs = Annotated[store.GraphStore, Depends(graph_store)]
