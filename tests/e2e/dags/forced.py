# SPDX-License-Identifier: Apache-2.0
"""A job that its Dag's author wants anew in each run and at each clear."""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_deflow.operators.compute import OceanComputeOperator

CODE = "open('/data/outputs/out.txt', 'w').write('equal each time')"

with DAG("forced_by_argument", schedule=None, start_date=pendulum.datetime(2026, 1, 1)):
    OceanComputeOperator(
        task_id="anew",
        node={"algorithm": {"code": CODE, "image": "python:3.11", "entrypoint": "python3 $ALGO"}},
        force_new=True,
    )
