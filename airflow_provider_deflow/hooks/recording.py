# SPDX-License-Identifier: Apache-2.0
"""A recorder for a try of a task: the ledger of the `mongo` connection, the spool of DeFlow's storage."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow_provider_deflow.hooks import settings, storage
from airflow_provider_deflow.ledger.recorder import NoLedger, Recorder, Writer

if TYPE_CHECKING:
    from airflow_provider_deflow.ledger.entry import Place, Run

log = logging.getLogger(__name__)


def recorder(run: Run, place: Place) -> Recorder:
    """Records about one try of a task; nothing is kept where there is no `mongo` connection for a ledger."""
    return Recorder(run, place, _opened, storage.ledger_spool, log.warning)


@contextmanager
def _opened() -> Iterator[Writer]:
    # Here, so that no Dag waits for pymongo when it is parsed.
    from airflow.sdk.exceptions import AirflowNotFoundException

    from airflow_provider_deflow.hooks.ledger import LedgerHook

    try:
        hook = LedgerHook()
    except AirflowNotFoundException as error:
        log.debug("no connection %r: what happens here is not kept in a ledger", settings.mongo_conn_id())
        raise NoLedger from error
    ledger = hook.ledger()
    try:
        yield ledger
    finally:
        ledger.close()
