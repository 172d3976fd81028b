# SPDX-License-Identifier: Apache-2.0
"""One node as a task, without Airflow's processes: its requests are counted, its failures read."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred

from airflow_provider_deflow import errors
from airflow_provider_deflow.dag_factory import build_dag
from airflow_provider_deflow.graphs import Graph
from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from tests import proxy
from tests.operators.one_task import WRITE, Memory, context, operator, run, written

# Airflow says so at each direct call of execute.
pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

LOOKS = ("GET /api/services/compute", "POST /directCommand")


def test_a_job_costs_at_most_six_requests_beyond_its_watching(between: proxy.Proxy) -> None:
    returned = run(operator("print('writing'); " + WRITE.format("x")), context())

    assert written(returned) == {"out.txt": "x"}
    beyond = [passed for passed in between.passed if passed not in LOOKS]
    assert sorted(beyond) == [
        "GET /api/services/computeEnvironments",
        "GET /api/services/computeResult",
        "GET /api/services/computeResult",
        "POST /api/services/freeCompute",
    ]
    # One look finds out whether the job is there already, one precedes the download.
    assert len(beyond) + 2 <= 6


def test_a_cleared_task_with_equal_inputs_asks_nobody(between: proxy.Proxy) -> None:
    memory = Memory()
    first = run(operator(WRITE.format("x")), context(memory))
    asked = len(between.passed)

    again = run(operator(WRITE.format("x")), context(memory))

    assert again == first
    assert len(between.passed) == asked


def test_outputs_that_are_gone_from_the_storage_are_not_returned(between: proxy.Proxy) -> None:
    memory = Memory()
    first = run(operator(WRITE.format("x")), context(memory))
    (file,) = content_store().outputs(first["outputs"]).files
    content_store().path(file.sha256).unlink()

    again = run(operator(WRITE.format("x")), context(memory))

    assert written(again) == {"out.txt": "x"}
    assert again["job_id"] == first["job_id"], "fetched again, not computed again"


def test_a_look_that_fails_does_not_fail_the_task(between: proxy.Proxy) -> None:
    """What follows is the triggerer's to find out; the job goes on anyway."""
    task, of = operator(WRITE.format("x")), context()
    between.spoil_replies_after = "POST /api/services/freeCompute"

    with pytest.raises(TaskDeferred):
        task.execute(of)


def test_a_cleared_task_with_other_code_runs_it(between: proxy.Proxy) -> None:
    memory = Memory()
    run(operator(WRITE.format("x")), context(memory))

    again = run(operator(WRITE.format("y")), context(memory))

    assert written(again) == {"out.txt": "y"}


def test_a_run_varies_what_it_may(between: proxy.Proxy) -> None:
    code = "import os\nopen('/data/outputs/out.txt', 'w').write(os.environ['TEXT'])"
    task = operator(
        code, environment_variables={"TEXT": "{{ params.rate }} on {{ ds }}, {{ run_id }}, {{ conn.x }}"}
    )

    returned = run(task, context(rate=0.5))

    assert written(returned) == {"out.txt": "0.5 on 2026-01-31, run 1, {{ conn.x }}"}


def test_what_a_task_upstream_returned_goes_into_its_texts_and_comes_first(between: proxy.Proxy) -> None:
    """As a DID that is published in the same run."""
    code = "import os\n" + WRITE.replace("'{}'", "os.environ['WHO']")
    with DAG("by_hand", schedule=None):
        upstream = OceanComputeOperator(task_id="upstream", node=node_of("pass"))
        task = OceanComputeOperator(
            task_id="train",
            node={**node_of(code), "environment_variables": {"WHO": "{{ params.who }}"}},
            values={"who": upstream.output["name"]},
        )
    of = context(who="nobody")
    of["ti"].xcom_pull = lambda task_ids, key, **_: {("upstream", "name"): "somebody"}[task_ids, key]

    returned = run(task, of)

    assert task.upstream_task_ids == {"upstream"}
    assert written(returned) == {"out.txt": "somebody"}


def node_of(code: str) -> dict[str, Any]:
    return {"algorithm": {"code": code, "image": "python:3.11", "entrypoint": "python3 $ALGO"}}


def test_a_failure_says_stage_reason_log_and_what_to_do(between: proxy.Proxy) -> None:
    with pytest.raises(AirflowFailException) as failure:
        run(operator("print('row 6')\nraise SystemExit('row 7 is empty')"), context())

    said = str(failure.value)
    assert said.startswith(f"JobFailed: 'train' on {between.url}: ")
    assert "exit code 1" in said
    assert "| row 6" in said
    assert "| row 7 is empty" in said
    assert "hint" in said


def test_a_dataset_that_cannot_be_fetched_is_told_in_the_nodes_own_words(between: proxy.Proxy) -> None:
    gone = {"file": {"type": "url", "url": "http://localhost:9/gone.csv"}}

    with pytest.raises(errors.JobNotRun) as failure:  # not the algorithm's fault: Airflow may try again
        run(operator("pass", datasets=[gone]), context())

    said = str(failure.value)
    assert "a dataset could not be fetched (status 31)" in said
    assert "gone.csv" in said


def test_a_job_without_outputs_is_not_green(between: proxy.Proxy) -> None:
    with pytest.raises(AirflowFailException, match=r"node 'train': no output matches '\*'"):
        run(operator("pass"), context())


def test_an_environment_that_fits_nothing_says_what_each_one_missed(between: proxy.Proxy) -> None:
    with pytest.raises(AirflowFailException, match=r"(?s)NoEnvironment: .*at most 1 cpu, 64 cpu asked for"):
        run(operator("pass", compute_resources={"cpu": 64}), context())
    assert "POST /api/services/freeCompute" not in between.passed


@pytest.mark.parametrize(("argument", "policy"), [(None, "cheapest"), ("fastest", "fastest")])
def test_the_log_says_which_environment_was_chosen_and_by_which_policy(
    between: proxy.Proxy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argument: str | None,
    policy: str,
) -> None:
    monkeypatch.setenv("AIRFLOW__DEFLOW__ENVIRONMENT_POLICY", "cheapest")
    task = operator(WRITE.format("x"))
    task.environment_policy = argument

    run(task, context())

    said = capsys.readouterr().out
    assert f"was chosen, policy {policy}: 1 cpu, 1 GB of ram for up to 600 s, free, idle." in said


def test_an_unknown_policy_fails_where_it_is_written(
    between: proxy.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(errors.SettingsError, match="environment_policy of 'train' is 'quick'"):
        OceanComputeOperator(
            task_id="train", node={"algorithm": {"code": "pass", "image": "a:1"}}, environment_policy="quick"
        )
    monkeypatch.setenv("AIRFLOW__DEFLOW__ENVIRONMENT_POLICY", "quick")
    with pytest.raises(AirflowFailException, match=r"\[deflow\] environment_policy is 'quick': write one of"):
        run(operator(WRITE.format("x")), context())
    assert "POST /api/services/freeCompute" not in between.passed


def test_a_node_written_wrong_lists_its_problems_and_repeats_no_value() -> None:
    key = "0x" + "ab" * 32

    with pytest.raises(errors.InvalidGraph) as failure:
        operator("pass", wallet=key, retires=3)

    said = str(failure.value)
    assert said.startswith("graph 'train' has 2 problems:")
    assert "retires: is no key that there is here" in said
    assert "abab" not in said


def test_an_ocean_node_out_of_reach_is_tried_again(
    between: proxy.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    node = {"conn_type": "ocean_node", "host": "http://127.0.0.1:9"}
    monkeypatch.setenv("AIRFLOW_CONN_OCEAN_NODE_DEFAULT", json.dumps(node))

    with pytest.raises(errors.OceanNodeUnreachable, match=r"http://127\.0\.0\.1:9"):
        run(operator("pass"), context())


@pytest.mark.parametrize(
    ("runs", "marked"), [("clean__train", "clean"), ("train", "clean__train"), ("results", "clean")]
)
def test_a_task_before_that_was_only_marked_as_done_is_told(
    between: proxy.Proxy, runs: str, marked: str
) -> None:
    """A person marks it as success in Airflow: it has returned nothing."""
    algorithm = {"code": "pass", "image": "python:3.11", "entrypoint": "python3 $ALGO"}
    document = {
        "slug": "two",
        "nodes": [{"id": name, "data": {"algorithm": algorithm}} for name in ("clean", "train")],
        "edges": [{"source": "clean", "target": "train"}],
    }
    task: Any = build_dag(Graph.from_document(document)).get_task(runs)
    of = context()
    of["ti"].xcom_pull = lambda task_ids: None

    with pytest.raises(
        AirflowFailException, match=f"MissingOutput: '{marked}' has no outputs, though it counts as"
    ):
        task.execute(of)


def test_what_a_wallet_without_a_chain_cannot_order_is_said_before_anything_is_asked(
    between: proxy.Proxy,
) -> None:
    with DAG("by_hand", schedule=None):
        task = OceanComputeOperator(task_id="train", node={"algorithm": {"did": "did:op:" + "0" * 64}})

    with pytest.raises(AirflowFailException, match=r"has to be ordered on a chain .*names none"):
        run(task, context())
    assert "POST /api/services/freeCompute" not in between.passed
