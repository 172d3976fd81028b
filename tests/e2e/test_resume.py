# SPDX-License-Identifier: Apache-2.0
"""The example's prediction fails and is mended by a new revision; what was computed is not computed again.

Jobs are counted on the Ocean Node. Both ways are gone, as a person would by command: the run that
failed is resumed, and a new run begins from the node that was mended.
"""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from click.testing import CliRunner, Result

from airflow_provider_deflow import cli
from airflow_provider_deflow.graphs import Graph
from tests.e2e import drawn
from tests.e2e.conftest import Deployment
from tests.e2e.test_examples import example_document

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(900)]

SLUG = "mended-prediction"
KEPT = {"prepare-a", "prepare-b", "select-features"}


def deflow(deployment: Deployment, *arguments: str) -> Result:
    environment = {name: None for name in ("MONGO_URI", "DEFLOW_AIRFLOW_URL")}
    environment["DEFLOW_HOME"] = str(deployment.up.home)
    return CliRunner().invoke(cli.main, list(arguments), env=environment)


def explained(deployment: Deployment, run_id: str, node_id: str) -> dict[str, Any]:
    result = deflow(deployment, "explain", run_id, node_id, "--json")
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.output))


def test_a_mended_prediction_is_resumed_and_nothing_else_runs_twice(deployment: Deployment) -> None:
    good = {**example_document(deployment), "slug": SLUG}
    broken = copy.deepcopy(good)
    broken["nodes"][-1]["data"]["algorithm"]["code"] = "raise SystemExit('no model today')"
    before = {job.job_id for job in deployment.jobs()}
    dag_id = deployment.publish(broken)
    run_id = deployment.run(dag_id)
    state = deployment.end_of(dag_id, run_id)
    assert {task.task_id for task in state.tasks if task.state == "failed"} == {"predict"}
    first = {node: deployment.airflow.xcom(dag_id, run_id, node)["job_id"] for node in KEPT}
    assert new_outcomes(deployment, before) == ["failed", "succeeded", "succeeded", "succeeded"]

    deployment.publish(good)
    deployment.airflow.wait_for_dag(dag_id, 180, graph_sha256=Graph.from_document(good).sha256)

    resumed = deflow(deployment, "graphs", "run", SLUG, "--resume", run_id, "--wait")
    assert resumed.exit_code == 0, resumed.output
    assert new_outcomes(deployment, before) == ["failed"] + ["succeeded"] * 4
    assert {node: deployment.airflow.xcom(dag_id, run_id, node)["job_id"] for node in KEPT} == first
    why = explained(deployment, run_id, "predict")
    assert (why["did"], why["first_difference"]) == ("ran", "algorithm.code")
    assert explained(deployment, run_id, "prepare-a")["did"] == "was reused"

    begun = deflow(deployment, "graphs", "run", SLUG, "--from", "predict", "--wait")
    assert begun.exit_code == 0, begun.output
    second_id = begun.output.split(" is on its way")[0]
    assert new_outcomes(deployment, before) == ["failed"] + ["succeeded"] * 5
    assert {node: deployment.airflow.xcom(dag_id, second_id, node)["job_id"] for node in KEPT} == first
    metrics = json.loads(deployment.result(dag_id, second_id)["predict/metrics.json"])
    assert metrics["auc"]["value"] > 0.95
    assert explained(deployment, second_id, "select-features")["outputs_of"] == run_id


def test_a_run_is_resumed_on_a_revision_with_other_nodes(deployment: Deployment) -> None:
    """One node is gone and another is there; the one between them is as it was."""
    slug = "other-nodes"
    old = drawn.graph(slug, "ab", ["ab"])
    old["nodes"][1]["data"]["algorithm"] = drawn.algorithm("raise SystemExit(3)")
    new = drawn.graph(slug, "ac", ["ac"])
    before = {job.job_id for job in deployment.jobs()}
    dag_id = deployment.publish(old)
    run_id = deployment.run(dag_id)
    assert deployment.end_of(dag_id, run_id).run.state == "failed"
    deployment.publish(new)
    deployment.airflow.wait_for_dag(dag_id, 180, graph_sha256=Graph.from_document(new).sha256)

    resumed = deflow(deployment, "graphs", "run", slug, "--resume", run_id, "--wait")

    assert resumed.exit_code == 0, resumed.output
    assert new_outcomes(deployment, before) == ["failed", "succeeded", "succeeded"]
    assert deployment.result(dag_id, run_id)["c/c.txt"] == b"c(a())"


def new_outcomes(deployment: Deployment, before: set[str]) -> list[str | None]:
    return sorted(job.outcome or "running" for job in deployment.jobs() if job.job_id not in before)
