# SPDX-License-Identifier: Apache-2.0
"""Every shape of graph runs to its end through Airflow, with exactly edges + nodes + 1 tasks."""

from __future__ import annotations

import pytest

from tests.e2e import drawn
from tests.e2e.conftest import Deployment
from tests.e2e.test_recovery import wait_for

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def dag_ids(deployment: Deployment) -> dict[str, str]:
    """All shapes are published together and run one by one: many runs at a time are too much for SQLite."""
    return {
        shape: deployment.publish(drawn.graph(shape, nodes, edges))
        for shape, (nodes, edges) in drawn.SHAPES.items()
    }


@pytest.mark.parametrize("shape", drawn.SHAPES)
def test_a_shape_runs_to_its_end_and_hands_everything_over(
    shape: str, dag_ids: dict[str, str], deployment: Deployment
) -> None:
    nodes, edges = drawn.SHAPES[shape]
    dag_id = dag_ids[shape]
    run_id = deployment.run(dag_id)

    state = deployment.end_of(dag_id, run_id)

    assert state.run.state == "success", deployment.why(state)
    assert len(state.tasks) == len(nodes) + len(edges) + 1
    files = deployment.result(dag_id, run_id)
    sinks = [node for node in nodes if not any(edge[0] == node for edge in edges)]
    told = {name: text.decode() for name, text in files.items() if name != "manifest.json"}
    assert told == {f"{sink}/{sink}.txt": drawn.told_by(sink, edges) for sink in sinks}


def test_in_the_skip_edge_shape_ready_nodes_start_while_a_slow_sibling_still_runs(
    deployment: Deployment,
) -> None:
    """e is slow and nobody waits for it: there are no layers."""
    document = drawn.graph("slow-sibling", "abcde", ("ab", "bc", "ac", "cd", "ae"), {"e": 600.0})
    dag_id = deployment.publish(document)
    run_id = deployment.run(dag_id)

    def states() -> dict[str, str | None]:
        return {task.task_id: task.state for task in deployment.airflow.task_instances(dag_id, run_id)}

    try:
        wait_for(lambda: states()["d"] in ("success", "failed") and states()["e"] != "running")
        assert (states()["d"], states()["e"]) == ("success", "deferred")
    finally:
        deployment.airflow.set_run_state(dag_id, run_id, "failed")
    wait_for(lambda: all(job.is_over for job in deployment.jobs()))
    times = {task.task_id: task for task in deployment.airflow.task_instances(dag_id, run_id)}
    assert times["c"].started is not None
    assert times["d"].started is not None
    assert times["e"].ended is not None
    assert times["c"].started < times["d"].started < times["e"].ended
