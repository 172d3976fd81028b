# SPDX-License-Identifier: Apache-2.0
"""A try of a task that uses assets by DID, for a process of its own, which kills itself at a point."""

from __future__ import annotations

from collections.abc import Callable

from airflow_provider_deflow.chain import obtaining
from airflow_provider_deflow.chain.datatoken import Datatoken
from airflow_provider_deflow.job_orders import Orders
from airflow_provider_deflow.ledger.reservations import Reservations
from airflow_provider_deflow.ocean.client import OceanNode
from tests.operators.by_did import by_did
from tests.operators.one_task import context, run
from tests.operators.paid_process import _after

POINTS: dict[str, Callable[[], None]] = {
    "reserved": lambda: _after(Reservations, "reserve"),
    "bought": lambda: _after(obtaining, "buy"),
    "order sent": lambda: _after(Datatoken, "start_order"),
    "ordered": lambda: _after(Orders, "placed"),
    "started": lambda: _after(OceanNode, "start_free"),
}


def die_at(point: str, algorithm: str, dataset: str, most: str, mode: str) -> None:
    POINTS[point]()
    run(by_did(algorithm, dataset, budget={"per_run": most}, payment={"mode": mode}), context())
