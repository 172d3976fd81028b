# SPDX-License-Identifier: Apache-2.0
"""A try of a paid task for a process of its own, which kills itself at a point; its memory is a file."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from airflow_provider_deflow import errors, job_locks
from airflow_provider_deflow.chain import funding
from airflow_provider_deflow.ledger.reservations import Reservations
from airflow_provider_deflow.ocean.client import OceanNode
from tests.operators.one_task import WRITE, Memory, context, run
from tests.operators.paid import paid_operator

POINTS = (
    "planned",
    "reserved",
    "deposited",
    "authorised",
    "told",
    "intended",
    "sent",
    "answered",
    "lock read",
)


class FileMemory(Memory):
    """As Airflow's, which is written before `set` returns."""

    def __init__(self, file: Path) -> None:
        super().__init__(json.loads(file.read_text()) if file.exists() else {})
        self._file = file

    def set(self, key: str, value: Any) -> None:  # type: ignore[override]
        self[key] = value
        self._file.write_text(json.dumps(self))


def die(*_: object) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed")


def _after(owner: Any, name: str, is_it: Callable[[dict[str, Any]], bool] = lambda _: True) -> None:
    before = getattr(owner, name)

    def wrapped(*args: Any, **named: Any) -> Any:
        result = before(*args, **named)
        if is_it(named):
            die()
        return result

    setattr(owner, name, wrapped)


def _lost(self: OceanNode, *args: Any, **named: Any) -> Any:
    try:
        return _start_paid(self, *args, **named)
    except errors.OceanNodeUnreachable:
        die()


def _intended(self: OceanNode, request: Any, payment: Any, before_send: Callable[[], None]) -> NoReturn:
    before_send()
    die()


_start_paid = OceanNode.start_paid


def arm(point: str) -> None:
    patches: dict[str, Callable[[], None]] = {
        "planned": lambda: _after(Reservations, "reserve", lambda named: named.get("state") == "planned"),
        "reserved": lambda: _after(Reservations, "reserve", lambda named: "instead_of" in named),
        "deposited": lambda: setattr(funding, "_authorize", die),
        "authorised": lambda: _after(funding, "make_ready"),
        # Of the first transaction that this process hears of.
        "told": lambda: setattr(Reservations, "add_transaction", die),
        "intended": lambda: setattr(OceanNode, "start_paid", _intended),
        "sent": lambda: setattr(OceanNode, "start_paid", _lost),
        "answered": lambda: _after(OceanNode, "start_paid"),
        "lock read": lambda: _after(job_locks.Locks, "found"),
    }
    patches[point]()


def die_at(point: str, file: Path) -> None:
    arm(point)
    run(paid_operator(WRITE.format("x")), context(FileMemory(file)))


def live(run_id: str, ocean_node: str | None = None) -> None:
    """:param ocean_node: another connection than the default"""
    run(paid_operator(WRITE.format("x"), ocean_node=ocean_node), context(run_id=run_id))
