# SPDX-License-Identifier: Apache-2.0
"""The compute flow of ocean.py's README, all six steps, with two wallets, by our own operators.

1 setup · 2 publish a dataset · 3 publish an algorithm · 4 allow the algorithm on the dataset ·
5 order both, pay for the resources and run · 6 get the result
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.execution_time.context import OutletEventAccessors
from pymongo.database import Database

from airflow_provider_deflow.operators.publish import PublishDDOOperator
from airflow_provider_deflow.publishing.publisher import Published
from tests import services
from tests.local_ocean_node.file_server import FileServer, running_file_server
from tests.local_ocean_node.paying import ONE
from tests.operators import one_task, paid
from tests.operators.by_did import ByDid
from tests.operators.conftest import deferring_costs_nothing as deferring_costs_nothing
from tests.operators.one_graph import run_graph
from tests.publishing_parts import CONTAINER, DATASET, Publishing, file_object
from tests.services import KEYS

pytestmark = [pytest.mark.chain, pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")]

MEAN = (
    b"numbers = [int(line) for line in open('/data/inputs/n.txt')]\n"
    b"open('/data/outputs/mean.txt', 'w').write(str(sum(numbers) / len(numbers)))\n"
)


def publish(task_id: str, file: str, **description: Any) -> Published:
    """As the publisher."""
    with DAG("publishing", schedule=None):
        task = PublishDDOOperator(
            task_id=task_id,
            description={**DATASET, "price": {"kind": "free"}, **description},
            files=file_object(file),
            wallet_conn_id="ocean_wallet_publisher",
        )
    of = one_task.context()
    of["outlet_events"] = OutletEventAccessors()
    returned = task.execute(of)
    return Published(returned["did"], returned["data_nft"], returned["datatoken"], "", "")


def compute(*trusted: str) -> list[dict[str, Any]]:
    return [{"type": "compute", "compute": {"trusted_algorithms": trusted}}]


def test_compute_flow(
    chain: services.Chain,
    tmp_path: Path,
    mongo_uri: str,
    mongo_database: Database[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(FileServer.files, "/n.txt", b"1\n2\n6\n")
    monkeypatch.setitem(FileServer.files, "/algo.py", MEAN)
    with (
        running_file_server() as files,
        paid.paying(chain, tmp_path, mongo_database, monkeypatch, mongo_uri) as consumer,
    ):
        on_chain = {
            "rpc_url": chain.rpc_url,
            "chain_id": chain.chain_id,
            "address_file": str(chain.address_file),
        }
        publisher = {"conn_type": "ocean_wallet", "password": KEYS[7], "extra": on_chain}
        monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_PUBLISHER", json.dumps(publisher))
        counted = ByDid(consumer, Publishing(chain, consumer.between.url, KEYS[7]), files)

        dataset = publish("dataset", f"{files}/n.txt", services=compute())
        algorithm = publish(
            "algorithm",
            f"{files}/algo.py",
            role="algorithm",
            services=[{"type": "compute"}],
            algorithm={"container": CONTAINER},
        )
        graph = {
            "slug": "compute-flow",
            "budget": {"per_run": "2"},
            "nodes": [
                {
                    "id": "mean",
                    "type": "compute",
                    "data": {
                        "algorithm": {"did": algorithm.did},
                        "datasets": [{"did": dataset.did}],
                        "payment": {"mode": "paid"},
                        "max_duration_seconds": 120,
                    },
                }
            ],
            "edges": [],
        }
        with pytest.raises(AirflowFailException, match=f"dataset {dataset.did} lets no algorithm in"):
            run_graph(graph, "not allowed yet")

        allowed = publish("dataset", f"{files}/n.txt", services=compute(algorithm.did))
        assert allowed.did == dataset.did
        returned = run_graph(graph, "run 1")

        assert one_task.written(returned["mean"]) == {"mean.txt": "3.0"}
        assert counted.orders(dataset, algorithm) == [1, 1]
        assert [lock["args"]["amount"] for lock in consumer.events("Lock")] == [2 * ONE]
