# SPDX-License-Identifier: Apache-2.0
"""Jobs that take longer than they may: by their task's own limit, and by their Dag's.

Each once while the worker looks at the job, and once while the task is deferred: how seldom a connection
lets it be looked at decides that. A limit leaves a slow machine the time to start the jobs.
"""

from __future__ import annotations

from datetime import timedelta

import pendulum
from airflow.sdk import DAG

from airflow_provider_deflow.operators.compute import OceanComputeOperator

NODE = {
    "algorithm": {
        "code": "import time; time.sleep(600)",
        "image": "python:3.11",
        "entrypoint": "python3 $ALGO",
    }
}
START = pendulum.datetime(2026, 1, 1)

with DAG("timed_tasks", schedule=None, start_date=START):
    for where in ("in-the-worker", "deferred"):
        OceanComputeOperator(
            task_id=where,
            node={**NODE, "ocean_node": f"timed_tasks_{where}"},
            execution_timeout=timedelta(seconds=60),
            retries=0,
        )

# Neither while a worker hands its job over, nor once the tests start and end triggerers.
with DAG("timed_run", schedule=None, start_date=START, dagrun_timeout=timedelta(seconds=100)):
    for where in ("in-the-worker", "deferred"):
        OceanComputeOperator(task_id=where, node={**NODE, "ocean_node": f"timed_run_{where}"}, retries=0)
