# SPDX-License-Identifier: Apache-2.0
"""The compute flow of ocean.py's README, all six steps, with two wallets.

What: the publisher makes an asset of some numbers, on which others may compute and which nobody may download,
and one of an algorithm; and allows the algorithm on the numbers. The consumer orders both, pays for the
resources and gets the mean of numbers that it never sees.
Why: each step is one task, and what the next one needs (DIDs, which are known only when they are published)
comes from upstream. Six steps:
  1 setup                  the connections below, which `deflow up` sets
  2 publish a dataset      `publish_dataset`
  3 publish an algorithm   `publish_algorithm`
  4 allow it on the data   `allow_algorithm`, an update of the dataset by its DID
  5 order, pay, compute    `mean`: datatokens and orders are found, or taken and placed, each once
  6 get the result         `result`
A later run publishes the same two assets, orders nothing again, and computes nothing again. It takes the
algorithm's permission away in step 2 and gives it back in step 4: where that is not to be shown, give
`trusted_algorithms` to `publish_dataset`, and a later run sends nothing at all.
Needs: connections `ocean_node_default`, whose Ocean Node is paid on a chain, and two wallets on that chain,
`ocean_wallet_publisher` and `ocean_wallet_default`, the consumer's.
"""

from __future__ import annotations

from typing import Any

import pendulum
from airflow.sdk import DAG, ObjectStoragePath, task

from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.publish import PublishDDOOperator

NUMBERS = "1\n2\n6\n"
MEAN = """
import json, os
from pathlib import Path

(numbers,) = Path("/data/inputs").glob("numbers.txt")
values = [int(line) for line in numbers.read_text().splitlines()]
Path("/data/outputs/mean.txt").write_text(str(sum(values) / len(values)))
"""
# Any of Airflow's object storages that all workers reach: s3://…, gs://…
STORAGE = "file:///tmp/deflow-compute-flow"
PUBLISHER = "ocean_wallet_publisher"
CONSUMER = "ocean_wallet_default"

WHO = {"author": "DeFlow's examples", "license": "CC0-1.0", "tags": ["example"], "price": {"kind": "free"}}
DATASET = {
    "name": "Three numbers",
    "description": "One number a line; algorithms that are allowed may compute on them",
    # Nobody may download it: the one service is for jobs.
    "services": [{"type": "compute", "timeout_seconds": 0}],
    **WHO,
}
ALGORITHM = {
    "name": "Mean",
    "description": "The mean of a file of numbers",
    "role": "algorithm",
    "algorithm": {
        "container": {
            "image": "python",
            "tag": "3.11",
            # Of the image, for an Ocean Node that pulls images: the local one runs its own Python.
            "checksum": "sha256:" + "0" * 64,
            "entrypoint": "python3 $ALGO",
        }
    },
    "services": [{"type": "compute", "timeout_seconds": 0}],
    **WHO,
}

with DAG(
    "compute_flow",
    schedule=None,
    start_date=pendulum.datetime(2026, 1, 1),
    max_active_runs=1,
    tags=["example"],
):

    @task
    def keep(name: str, text: str) -> str:
        """What is to be published, as a file that the Ocean Node can be shown."""
        path = ObjectStoragePath(f"{STORAGE}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return str(path)

    numbers = keep.override(task_id="numbers")("numbers.txt", NUMBERS)
    program = keep.override(task_id="program")("mean.py", MEAN)

    publish_dataset = PublishDDOOperator(
        task_id="publish_dataset", description=DATASET, files=numbers, wallet_conn_id=PUBLISHER
    )
    publish_algorithm = PublishDDOOperator(
        task_id="publish_algorithm", description=ALGORITHM, files=program, wallet_conn_id=PUBLISHER
    )
    allow_algorithm = PublishDDOOperator(
        task_id="allow_algorithm",
        did=publish_dataset.output["did"],
        trusted_algorithms=[publish_algorithm.output["did"]],
        description=DATASET,
        files=numbers,
        wallet_conn_id=PUBLISHER,
    )
    mean = OceanComputeOperator(
        task_id="mean",
        node={
            "wallet": CONSUMER,
            "algorithm": {"did": "{{ params.algorithm }}"},
            "datasets": [{"did": "{{ params.dataset }}"}],
            "payment": {"mode": "paid"},
            "max_duration_seconds": 120,
        },
        values={"algorithm": publish_algorithm.output["did"], "dataset": allow_algorithm.output["did"]},
        # What a run may cost: the resources, and datatokens where they are not given away.
        budget={"per_run": "1"},
    )

    @task
    def result(returned: dict[str, Any]) -> float:
        """What the algorithm wrote: its one file lies in DeFlow's storage."""
        from airflow_provider_deflow.hooks.storage import content_store

        store = content_store()
        (file,) = store.outputs(returned["outputs"]).files
        with store.open(file.sha256) as content:
            return float(content.read())

    result(mean.output)
