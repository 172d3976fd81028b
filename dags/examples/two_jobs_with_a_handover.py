# SPDX-License-Identifier: Apache-2.0
"""Two compute jobs, the second on what the first one made.

What: `numbers` writes two files; the handover brings only the CSV to `total`; `results` collects.
Why: how operators stand together by hand. A `HandoverOperator` between two jobs names both by task id
and says which files travel and how; the second job finds them in /data/inputs.
Needs: connections `ocean_node_default` and `ocean_wallet_default` (`deflow up` sets both).
"""

from __future__ import annotations

import pendulum
from airflow.sdk import DAG

from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.handover import HandoverOperator
from airflow_provider_deflow.operators.results import CollectResultsOperator

PYTHON = {"image": "python:3.11", "entrypoint": "python3 $ALGO"}
NUMBERS = """
open("/data/outputs/numbers.csv", "w").write("\\n".join(str(n) for n in range(101)))
open("/data/outputs/notes.txt", "w").write("stays behind")
"""
TOTAL = """
import os
print("inputs:", sorted(os.listdir("/data/inputs")))
total = sum(int(line) for line in open("/data/inputs/numbers.csv"))
open("/data/outputs/total.txt", "w").write(str(total))
"""

with DAG("example_two_jobs", schedule=None, start_date=pendulum.datetime(2026, 1, 1), tags=["example"]):
    numbers = OceanComputeOperator(task_id="numbers", node={"algorithm": {"code": NUMBERS, **PYTHON}})
    handover = HandoverOperator(
        task_id="numbers__total",
        edge={"source": "numbers", "target": "total", "data": {"handover": "bucket", "files": ["*.csv"]}},
    )
    total = OceanComputeOperator(task_id="total", node={"algorithm": {"code": TOTAL, **PYTHON}})
    results = CollectResultsOperator(task_id="results")

    numbers >> handover >> total >> results
