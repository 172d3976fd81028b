# SPDX-License-Identifier: Apache-2.0
"""A Dag whose one task ends at once, and upkeep's beside it."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG, task

from airflow_provider_deflow.upkeep.dag import upkeep_dag

upkeep = upkeep_dag()

with DAG("by_hand", schedule=None, start_date=pendulum.datetime(2026, 1, 1)) as by_hand:

    @task
    def train() -> None:
        """End at once."""

    train()
