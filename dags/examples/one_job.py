# SPDX-License-Identifier: Apache-2.0
"""One compute job in a Dag of your own.

What: an algorithm of three lines runs on an Ocean Node; its output is kept in DeFlow's storage.
Why: the smallest use of `OceanComputeOperator`, and the way to put a job beside your other tasks.
Needs: connections `ocean_node_default` and `ocean_wallet_default` (`deflow up` sets both).
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_deflow.operators.compute import OceanComputeOperator

CODE = """
import os
greeting = "Hello from " + os.environ["WHO"]
open("/data/outputs/greeting.txt", "w").write(greeting)
"""

with DAG("example_one_job", schedule=None, start_date=pendulum.datetime(2026, 1, 1), tags=["example"]):
    OceanComputeOperator(
        task_id="greet",
        node={
            "algorithm": {"code": CODE, "image": "python:3.11", "entrypoint": "python3 $ALGO"},
            "environment_variables": {"WHO": "run {{ run_id }}"},
            "compute_resources": {"cpu": 1, "ram": 1},
            "max_duration_seconds": 300,
        },
    )
