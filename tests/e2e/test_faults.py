# SPDX-License-Identifier: Apache-2.0
"""What a person sees when something is wrong, and the ways of handing over that the shapes do not use."""

from __future__ import annotations

import pytest

from tests.e2e import drawn
from tests.e2e.conftest import Deployment

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.timeout(900)]


def test_a_failing_algorithm_fails_its_task_at_once_and_is_explained(deployment: Deployment) -> None:
    document = drawn.graph("failing", "ab", ("ab",))
    document["nodes"][0]["data"]["algorithm"] = drawn.algorithm(
        "print('reading')\nraise ValueError('row 7 is empty')\n"
    )
    dag_id = deployment.publish(document)

    state = deployment.end_of(dag_id, deployment.run(dag_id))

    tasks = {task.task_id: task for task in state.tasks}
    assert state.run.state == "failed"
    assert {name: task.state for name, task in tasks.items()} == {
        "a": "failed",
        "a__b": "upstream_failed",
        "b": "upstream_failed",
        "results": "upstream_failed",
    }
    assert tasks["a"].try_number == 1, "an algorithm's own error is not tried again"
    said = deployment.why(state)
    assert "JobFailed: 'a' on http://" in said
    assert "ValueError: row 7 is empty" in said
    assert "hint" in said


def test_a_missing_output_is_named(deployment: Deployment) -> None:
    document = drawn.graph("missing-output", "ab", ("ab",))
    document["edges"][0]["data"] = {"files": ["*.csv"]}
    dag_id = deployment.publish(document)

    state = deployment.end_of(dag_id, deployment.run(dag_id))

    assert state.run.state == "failed"
    assert "node 'a': no output matches '*.csv'. The job wrote a.txt" in deployment.why(state)


def test_files_of_one_name_get_their_sources_name_in_front(deployment: Deployment) -> None:
    document = drawn.graph("same-names", "abc", ("ac", "bc"))
    for node in document["nodes"][:2]:
        node["data"]["algorithm"] = drawn.algorithm(
            f"open('/data/outputs/out.txt', 'w').write('{node['id']}')"
        )
    document["nodes"][2]["data"]["algorithm"] = drawn.algorithm(
        "import os\nopen('/data/outputs/names.txt', 'w').write(' '.join(sorted(os.listdir('/data/inputs'))))"
    )
    dag_id = deployment.publish(document)
    run_id = deployment.run(dag_id)

    state = deployment.end_of(dag_id, run_id)

    assert state.run.state == "success", deployment.why(state)
    names = deployment.result(dag_id, run_id)["c/names.txt"].split()
    assert [name for name in names if name.endswith(b".txt")] == [b"a__out.txt", b"b__out.txt"]


def test_outputs_travel_by_signed_url_too(deployment: Deployment) -> None:
    document = drawn.graph("by-url", "ab", ("ab",))
    document["edges"][0]["data"] = {"handover": "url"}
    dag_id = deployment.publish(document)
    run_id = deployment.run(dag_id)

    state = deployment.end_of(dag_id, run_id)

    assert state.run.state == "success", deployment.why(state)
    assert deployment.result(dag_id, run_id)["b/b.txt"] == b"b(a())"


def test_no_key_is_in_anything_that_airflow_keeps(deployment: Deployment) -> None:
    """The wallet's key, over all logs, the metadata database, stored files and the Ocean Node's records."""
    from airflow_provider_deflow.stack.local_stack import DEVELOPMENT_KEY

    key = DEVELOPMENT_KEY.removeprefix("0x").encode()
    home = deployment.up.home
    kept = [
        file for part in ("airflow", "logs", "storage", "ocean-node") for file in (home / part).rglob("*")
    ]
    holding = [str(file.relative_to(home)) for file in kept if file.is_file() and key in file.read_bytes()]

    assert holding == []
