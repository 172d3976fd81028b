# SPDX-License-Identifier: Apache-2.0
"""The benchmark's peer: a chain of deferrable operators that do nothing, with plain ones between."""

from __future__ import annotations

import pendulum
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.sensors.date_time import DateTimeSensorAsync
from airflow.sdk import DAG, chain

NODES = 10


def nothing() -> None:
    """What the plain task does."""


with DAG("peer_deferrable", schedule=None, start_date=pendulum.datetime(2024, 1, 1)):
    tasks: list[object] = []
    for number in range(NODES):
        # A moment long past: it defers, the trigger fires at once, the worker finishes it.
        tasks.append(DateTimeSensorAsync(task_id=f"n{number}", target_time="2024-01-01T00:00:00+00:00"))
        tasks.append(PythonOperator(task_id=f"after_n{number}", python_callable=nothing))
    chain(*tasks)
