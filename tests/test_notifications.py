# SPDX-License-Identifier: Apache-2.0
"""A failed task becomes an alarm that says what failed, where, whose turn it is, and nothing of its log."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_deflow import errors
from airflow_provider_deflow.dag_factory import build_dag
from airflow_provider_deflow.graphs.graph import Graph
from airflow_provider_deflow.notifications import FailureAlarm
from airflow_provider_deflow.operators.faults import told_to_airflow

MESSAGE = (
    "'train' on https://node.example: the algorithm ended with exit code 1.\n  job   0x1-2\n"
    "  log   its last lines\n  | patient 7 is dead\n  hint  Correct the algorithm."
)


@pytest.fixture(autouse=True)
def own_storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's spool is the test's own."""
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))


def failed(error: BaseException | str | None, task: Any = None) -> Any:
    ti = SimpleNamespace(
        dag_id="by_hand",
        run_id="run 1",
        task_id="train",
        map_index=-1,
        try_number=3,
        log_url="https://airflow.example/log?try_number=3",
    )
    return {"ti": ti, "task": task, "exception": error}


def as_airflow_has_it(error: errors.DeflowError) -> BaseException:
    with pytest.raises((errors.DeflowError, AirflowFailException)) as caught, told_to_airflow():
        raise error
    return caught.value


def test_it_says_job_ocean_node_fault_hint_and_where_the_log_is(caplog: pytest.LogCaptureFixture) -> None:
    task = SimpleNamespace(job_id="0x1-2", ocean_node_url="https://node.example")

    FailureAlarm()(failed(as_airflow_has_it(errors.JobFailed(MESSAGE)), task))

    for said in (
        "DeFlow alarm: failure dag_id=by_hand run_id=run 1 task_id=train job_id=0x1-2 ",
        " ocean_node_url=https://node.example: JobFailed: 'train' on https://node.example: the algorithm ",
        "ended with exit code 1; job 0x1-2; hint Correct the algorithm; fault: algorithm; ",
        "; log: https://airflow.example/log\n",
    ):
        assert said in caplog.text
    assert "patient 7" not in caplog.text


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (as_airflow_has_it(errors.OceanNodeBusy("come back later")), "OceanNodeBusy: come back later"),
        (ValueError("one line\nof many"), "ValueError: one line; log: "),
        ("Task killed externally", "Task killed externally; log: "),
        (None, "its process could not say why; log: "),
    ],
)
def test_any_end_is_told(
    error: BaseException | str | None, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    FailureAlarm()(failed(error))

    assert said in caplog.text


def test_every_task_of_a_graph_has_it() -> None:
    node = {"algorithm": {"code": "pass", "image": "python:3.11", "entrypoint": "python3 $ALGO"}}
    document = {
        "slug": "drawn",
        "nodes": [{"id": name, "data": node} for name in ("a", "b")],
        "edges": [{"source": "a", "target": "b"}],
    }

    dag: DAG = build_dag(Graph.from_document(document))

    for task in dag.tasks:
        (callback,) = task.on_failure_callback
        assert isinstance(callback, FailureAlarm), task.task_id
