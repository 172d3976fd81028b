# SPDX-License-Identifier: Apache-2.0
"""Tasks that run again through a real Airflow: tried again, cleared, forced (rule 1).

The rows of the table in test_generations.py as Airflow brings them about, each on an Ocean Node of its own,
where its jobs are counted. A retry that finds its job alive is in test_stops.py and test_recovery.py,
runs side by side in test_cluster.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from typing import Any

import pytest

from airflow_provider_deflow.ocean.statuses import EXPIRED_IN_QUEUE
from tests import proxy
from tests.e2e import drawn
from tests.e2e.conftest import Deployment
from tests.e2e.rows import USUAL, Row, run_of, set_faults, wait_for
from tests.local_ocean_node.running import consumer

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(900)]

Rows = dict[str, Row]
# Longer than a worker looks on, and than it takes to see the job run and do something to it.
A_WHILE = 40.0


# ---- what takes its time is begun first, and looked at last ------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def tried_again(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    """One run, each of whose tasks fails at first by what becomes of its job."""
    seconds = {"succeeded": 0.0, "failed": 0.0, "stopped": A_WHILE, "vanished": A_WHILE, "expired": 0.0}
    nodes: dict[str, dict[str, Any]] = {
        name: {"algorithm": drawn.telling(name, long)} for name, long in seconds.items()
    }
    nodes["expired"] |= {"ocean_node": "impatient", "retries": 6}

    with ExitStack() as opened:

        def prepare(urls: Mapping[str, str]) -> None:
            # A try asks 20 times, for log and outputs, before it gives up.
            set_faults(urls["succeeded"], {"command": "getComputeResult", "what": "drop", "times": 24})
            set_faults(urls["failed"], {"what": "fail", "stage": "pull"})
            # A job that waits for its turn would do so for an hour.
            impatient = opened.enter_context(proxy.between(urls["expired"]))
            impatient.rewrite = (b'"queueMaxWaitTime":3600', b'"queueMaxWaitTime":1')
            deployment.connect("impatient", impatient.url, poll_interval_seconds=USUAL)
            for _ in range(2):
                consumer(urls["expired"]).start("import time; time.sleep(600)")

        folder = tmp_path_factory.mktemp("tried-again")
        paces = dict.fromkeys(seconds, USUAL)
        with run_of(deployment, folder, "tried-again", paces, prepare, **nodes) as rows:
            wait_for(lambda: [job.final_status for job in rows["expired"].jobs()][:1] == [EXPIRED_IN_QUEUE])
            others = consumer(rows["expired"].url)
            for job in rows["expired"].node.jobs([others.address]):
                others.stop(job.job_id)
            rows["stopped"].node.stop(rows["stopped"].until_running().job_id)
            rows["vanished"].until_running()
            rows["vanished"].faults({"what": "forget", "command": "getComputeStatus"})
            yield rows


# ---- cleared -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cleared(deployment: Deployment, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    nodes = {
        "succeeded": {"algorithm": drawn.telling("succeeded")},
        "failed": {"algorithm": drawn.telling("failed"), "retries": 0},
    }

    def prepare(urls: Mapping[str, str]) -> None:
        set_faults(urls["failed"], {"what": "fail", "stage": "pull"})

    folder = tmp_path_factory.mktemp("cleared")
    with run_of(deployment, folder, "cleared-again", dict.fromkeys(nodes, USUAL), prepare, **nodes) as rows:
        yield rows


def test_a_clear_of_a_succeeded_node_reuses_its_job_and_of_a_failed_one_starts_the_next(
    cleared: Rows,
) -> None:
    for row in cleared.values():
        row.until("success", "failed")
    assert {name: row.outcomes() for name, row in cleared.items()} == {
        "succeeded": ["succeeded"],
        "failed": ["failed"],
    }

    one = cleared["failed"]
    # Airflow's scheduler that ends the run in the very moment of a clear wins, and nothing runs again.
    one.deployment.end_of(one.dag_id, one.run_id)
    one.deployment.airflow.clear(one.dag_id, one.run_id, *cleared)
    for row in cleared.values():
        wait_for(lambda row=row: row.task().try_number > 1, row.log)  # type: ignore[misc]
        row.until("success", "failed")

    assert {name: row.task().state for name, row in cleared.items()} == dict.fromkeys(cleared, "success")
    assert {name: row.outcomes() for name, row in cleared.items()} == {
        "succeeded": ["succeeded"],
        "failed": ["failed", "succeeded"],
    }


def test_a_node_is_computed_anew_when_forced_and_what_is_after_it_is_reused_when_inputs_are_equal(
    deployment: Deployment,
) -> None:
    """`b` is handed the outputs of another job of `a`, equal ones: its own job need not run again."""
    dag_id = deployment.publish(drawn.graph("forced", "ab", ("ab",)))
    before = {job.job_id for job in deployment.jobs()}
    run_id = deployment.run(dag_id, {"force_new": ["a"]})
    by_argument = deployment.run("forced_by_argument")
    state = deployment.end_of(dag_id, run_id)
    assert state.run.state == "success", deployment.why(state)
    first = {node: deployment.airflow.xcom(dag_id, run_id, node) for node in "ab"}

    deployment.airflow.clear(dag_id, run_id, "a", "a__b", "b")
    state = deployment.end_of(dag_id, run_id)

    assert state.run.state == "success", deployment.why(state)
    again = {node: deployment.airflow.xcom(dag_id, run_id, node) for node in "ab"}
    assert again["a"]["job_id"] != first["a"]["job_id"]
    assert again["a"]["outputs"] == first["a"]["outputs"]
    assert again["b"] == first["b"]

    state = deployment.end_of("forced_by_argument", by_argument)
    assert state.run.state == "success", deployment.why(state)
    one = deployment.airflow.xcom("forced_by_argument", by_argument, "anew")
    deployment.airflow.clear("forced_by_argument", by_argument, "anew")
    state = deployment.end_of("forced_by_argument", by_argument)
    assert state.run.state == "success", deployment.why(state)
    assert deployment.airflow.xcom("forced_by_argument", by_argument, "anew")["job_id"] != one["job_id"]

    new = [job for job in deployment.jobs() if job.job_id not in before]
    assert [job.outcome for job in new] == ["succeeded"] * 5


# ---- tried again -------------------------------------------------------------------------------------


def test_a_retry_after_a_succeeded_job_reuses_it(tried_again: Rows) -> None:
    row = tried_again["succeeded"]

    row.until("success", "failed")

    assert (row.task().state, row.outcomes()) == ("success", ["succeeded"])
    assert row.task().try_number > 1


def test_a_retry_after_a_job_that_its_ocean_node_failed_starts_the_next(tried_again: Rows) -> None:
    row = tried_again["failed"]

    row.until("success", "failed")

    assert (row.task().state, row.outcomes()) == ("success", ["failed", "succeeded"])
    assert row.task().try_number > 1
    row.assert_never_two_alive()


def test_a_retry_after_a_stopped_job_starts_the_next(tried_again: Rows) -> None:
    row = tried_again["stopped"]

    row.until("success", "failed")

    assert (row.task().state, row.outcomes()) == ("success", ["stopped", "succeeded"])
    assert row.task().try_number > 1
    row.assert_never_two_alive()


def test_a_retry_after_a_vanished_job_starts_the_next(tried_again: Rows) -> None:
    row = tried_again["vanished"]

    row.until("success", "failed")

    assert (row.task().state, row.outcomes()) == ("success", ["succeeded"])
    assert row.task().try_number > 1
    assert "is not known there any more" in row.log()
    # Of a key of its own, for the one before may turn up again.
    assert "started (generation 1)" in row.log()


def test_a_retry_after_a_job_that_expired_in_the_queue_starts_the_next(tried_again: Rows) -> None:
    row = tried_again["expired"]

    row.until("success", "failed")

    assert (row.task().state, row.outcomes()[0], row.outcomes()[-1]) == ("success", "failed", "succeeded")
    assert row.jobs()[0].final_status == EXPIRED_IN_QUEUE
    row.assert_never_two_alive()
