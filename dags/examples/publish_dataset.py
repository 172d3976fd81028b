# SPDX-License-Identifier: Apache-2.0
"""A job's output as an Ocean asset, and a Dag that runs on each new version of it.

What: `measure` writes a CSV; `publish` makes a dataset of it that everybody may take for nothing. The
first run makes data NFT and datatoken; a later one only a new version of the same DID, and nothing where
the CSV is the same. The second Dag runs whenever there is a new version.
Why: the smallest use of `PublishDDOOperator`. Its Airflow asset is `ocean://<did>`; before the DID is
known, a Dag can wait for the asset by the alias of the task that publishes it.
Needs: connections `ocean_node_default`, `ocean_wallet_default`, and `ocean_wallet_publisher` with a chain
(`deflow up` sets all three).
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, AssetAlias, Param, task

from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.publish import PublishDDOOperator

MEASURE = """
import os
rows = "".join(f"{n},{n * n}\\n" for n in range(int(os.environ["ROWS"])))
open("/data/outputs/squares.csv", "w").write("n,square\\n" + rows)
"""
START = pendulum.datetime(2026, 1, 1)

with DAG(
    "example_publish_dataset",
    schedule=None,
    start_date=START,
    params={"rows": Param("10", type="string")},
    tags=["example"],
):
    measure = OceanComputeOperator(
        task_id="measure",
        node={
            "algorithm": {"code": MEASURE, "image": "python:3.11", "entrypoint": "python3 $ALGO"},
            "environment_variables": {"ROWS": "{{ params.rows }}"},
        },
    )
    PublishDDOOperator(
        task_id="publish",
        description={
            "name": "Square numbers",
            "description": "The first square numbers, as a CSV with the columns n and square",
            "author": "DeFlow's examples",
            "license": "CC0-1.0",
            "tags": ["example"],
            "services": [{"type": "access", "timeout_seconds": 0}],
            "price": {"kind": "free"},
        },
        files=measure.output,
        patterns=["*.csv"],
        wallet_conn_id="ocean_wallet_publisher",
    )

with DAG(
    "example_on_a_new_version",
    schedule=AssetAlias("deflow:example_publish_dataset.publish"),
    start_date=START,
    tags=["example"],
):

    @task
    def read(triggering_asset_events: Any = None) -> list[str]:
        """The DIDs that have a new version."""
        events = [event for several in triggering_asset_events.values() for event in several]
        return sorted({str(event.extra["did"]) for event in events})

    read()
