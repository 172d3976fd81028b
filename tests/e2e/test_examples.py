# SPDX-License-Identifier: Apache-2.0
"""What we show to newcomers runs: the example graph by hand and by schedule, the Dags in `dags/`."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import pymongo
import pytest

from airflow_provider_deflow import signing
from airflow_provider_deflow.example import data, graph
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.ocean.compute import JobRequest
from tests.e2e.conftest import Deployment

CONTAINER = {"image": "python", "tag": "3.11", "checksum": "", "entrypoint": "python3 $ALGO"}

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(900)]


def example_document(deployment: Deployment) -> dict[str, Any]:
    """The example as `deflow demo` publishes it, its files in DeFlow's storage."""
    uploads = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, path in data.write_csv(Path(folder)).items():
            with path.open("rb") as file:
                uploads[name], _ = deployment.content.put(file)
    return graph.document(uploads)


def test_the_example_graph_finishes_when_triggered(deployment: Deployment) -> None:
    dag_id = deployment.publish(example_document(deployment))
    run_id = deployment.run(dag_id)

    state = deployment.end_of(dag_id, run_id)

    assert state.run.state == "success", deployment.why(state)
    assert len(state.tasks) == 8
    metrics = json.loads(deployment.result(dag_id, run_id)["predict/metrics.json"])
    assert metrics["auc"]["value"] > 0.95


def test_the_example_graph_finishes_by_its_schedule(deployment: Deployment) -> None:
    document = {**example_document(deployment), "slug": "by-the-clock", "schedule": "* * * * *"}
    dag_id = deployment.publish(document)
    deployment.airflow.wait_for_dag(dag_id, timeout_seconds=180)
    deployment.airflow.unpause(dag_id)

    deadline = time.monotonic() + 240
    while not (runs := deployment.airflow.scheduled_runs(dag_id)):
        assert time.monotonic() < deadline, "the minute passed without a run"
        time.sleep(0.5)

    state = deployment.end_of(dag_id, runs[0])
    deployment.airflow.pause(dag_id)
    assert state.run.state == "success", deployment.why(state)
    assert len(state.tasks) == 8


def test_one_job_by_hand(deployment: Deployment) -> None:
    run_id = deployment.run("example_one_job")

    state = deployment.end_of("example_one_job", run_id)

    assert state.run.state == "success", deployment.why(state)
    returned = deployment.airflow.xcom("example_one_job", run_id, "greet")
    (greeting,) = deployment.content.outputs(returned["outputs"]).files
    with deployment.content.open(greeting.sha256) as text:
        assert text.read().decode() == f"Hello from run {run_id}"
    job = f"{deployment.up.ocean_node_url}/api/services/compute?jobId={returned['job_id']}"
    assert deployment.airflow.links("example_one_job", run_id, "greet") == {
        "Ocean job": job,
        "Ocean Node": deployment.up.ocean_node_url,
    }


def test_two_jobs_with_a_handover_by_hand(deployment: Deployment) -> None:
    run_id = deployment.run("example_two_jobs")

    state = deployment.end_of("example_two_jobs", run_id)

    assert state.run.state == "success", deployment.why(state)
    assert deployment.result("example_two_jobs", run_id)["total/total.txt"] == b"5050"
    assert deployment.airflow.xcom("example_two_jobs", run_id, "numbers__total")["files"] == 1


def test_waiting_for_a_colleague_by_hand(deployment: Deployment) -> None:
    """The colleague has an account of their own, and the job goes on while the run waits for it."""
    colleague = signing.KeySigner("0x" + "c0" * 32)
    node = OceanNode(deployment.up.ocean_node_url, colleague, requests_per_minute=600)
    meta = {"rawcode": "import time; time.sleep(5)", "container": CONTAINER}
    job = node.start_free(JobRequest(node.environments()[0].id, {"meta": meta, "envs": {}}))
    dag_id = "example_wait_for_a_colleague"

    run_id = deployment.run(dag_id, {"owner_address": colleague.address})

    state = deployment.end_of(dag_id, run_id)
    assert state.run.state == "success", deployment.why(state)
    assert deployment.airflow.xcom(dag_id, run_id, "wait")["jobs"] == [job.job_id]


def test_a_dataset_is_published_and_what_waits_for_a_new_version_of_it_runs(deployment: Deployment) -> None:
    airflow, dag_id = deployment.airflow, "example_publish_dataset"
    follows = "example_on_a_new_version"
    airflow.wait_for_dag(follows, timeout_seconds=180)
    airflow.unpause(follows)

    def published(rows: int) -> dict[str, Any]:
        run_id = deployment.run(dag_id, {"rows": str(rows)})
        state = deployment.end_of(dag_id, run_id)
        assert state.run.state == "success", deployment.why(state)
        returned: dict[str, Any] = airflow.xcom(dag_id, run_id, "publish")
        link = f"{deployment.up.ocean_node_url}/api/aquarius/assets/ddo/{returned['did']}"
        assert airflow.links(dag_id, run_id, "publish")["Ocean asset"] == link
        return returned

    first = published(10)
    told = airflow.wait_for_a_run(follows)
    assert deployment.end_of(follows, told).run.state == "success"
    assert airflow.xcom(follows, told, "read") == [first["did"]]

    # A graph that somebody draws now, and that is to run on each new version.
    code = "open('/data/outputs/a.txt', 'w').write('a')"
    graph_dag = deployment.publish(
        {
            "slug": "on-a-new-version",
            "schedule": {"assets": [f"ocean://{first['did']}"]},
            "nodes": [{"id": "one", "data": {"algorithm": {"code": code, "image": "python:3.11"}}}],
            "edges": [],
        }
    )
    airflow.wait_for_dag(graph_dag, timeout_seconds=180)
    airflow.unpause(graph_dag)

    assert published(10) == first
    second = published(20)

    assert second["did"] == first["did"]
    assert second["transactions"] != first["transactions"]
    run_id = airflow.wait_for_a_run(graph_dag)
    assert deployment.end_of(graph_dag, run_id).run.state == "success"
    airflow.wait_for_a_run(follows, but=[told])
    # Two versions, three publishings.
    assert (len(airflow.runs(graph_dag)), len(airflow.runs(follows))) == (1, 2)


def test_the_compute_flow_of_ocean_py_by_hand(deployment: Deployment) -> None:
    """Two wallets, two assets, two orders, one paid job; the consumer sees the mean and not the numbers."""
    airflow, dag_id = deployment.airflow, "compute_flow"
    run_id = deployment.run(dag_id)

    state = deployment.end_of(dag_id, run_id)

    assert state.run.state == "success", deployment.why(state)
    assert airflow.xcom(dag_id, run_id, "result") == 3.0
    dataset, allowed, algorithm = (
        airflow.xcom(dag_id, run_id, task_id)
        for task_id in ("publish_dataset", "allow_algorithm", "publish_algorithm")
    )
    assert allowed["did"] == dataset["did"] != algorithm["did"]
    job_id = airflow.xcom(dag_id, run_id, "mean")["job_id"]
    (job,) = [one for one in deployment.jobs() if one.job_id == job_id]
    assert not job.is_free
    with pymongo.MongoClient(deployment.up.mongo_uri) as mongo:
        money = list(mongo["deflow"]["ledger_reservations"].find({"run_id": run_id}))
    orders = {one["did"] for one in money if one.get("kind") == "order"}
    assert orders == {dataset["did"], algorithm["did"]}
    assert {one["payer"] for one in money} == {deployment.address}
