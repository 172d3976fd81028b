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
    from airflow_provider_deflow.ledger.reservations import Reservations

# A person is waiting, and a run is on the canvas every two seconds.
LEDGER_SECONDS = 5.0


class PaymentsHook(LedgerHook):
    """Kept beside the ledger's own, for these calls are given more time."""


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


def reservations() -> Reservations:
    """What paid jobs cost."""
    opened: Reservations = _opened(PaymentsHook, lambda hook: hook.payments()[0])
    return opened


def close() -> None:
    """Let go of all servers."""
    with _lock:
        for _, _, hook in _kept.values():
            hook.__exit__()
        _kept.clear()


def _opened(kind: type[DeflowMongoHook], open_: Callable[[Any], Any]) -> Any:
    hook = kind()
    uri = str(hook.connection.get_uri())
    with _lock:
        known = _kept.get(kind)
        if known is None or known[0] != uri:
            if known is not None:
                known[2].__exit__()
            opened = open_(hook)
            # The hook is kept too: it would close the client when it goes.
            _kept[kind] = known = (uri, opened, hook)
        return known[1]


Graphs = Annotated[store.GraphStore, Depends(graph_store)]
