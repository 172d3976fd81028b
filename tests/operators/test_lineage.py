# SPDX-License-Identifier: Apache-2.0
"""What OpenLineage is told of real tasks: the events that Airflow's provider makes of it, in a file."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException
from airflow.utils.state import TaskInstanceState

from airflow_provider_deflow.graphs import graph as graphs
from airflow_provider_deflow.operators import lineage
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.handover import HandoverOperator
from tests import proxy
from tests.local_ocean_node.running import KEYS
from tests.operators.one_task import WRITE, Memory, context, operator, run

# Airflow says so at each direct call of execute.
pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

Event = dict[str, Any]


@pytest.fixture(autouse=True)
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the events go."""
    file = tmp_path / "events.json"
    transport = {"type": "file", "log_file_path": str(file), "append": True}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    forgotten()
    yield file
    monkeypatch.undo()
    forgotten()


def forgotten() -> None:
    """The provider reads its settings once per process."""
    from airflow.providers.openlineage import conf

    for value in vars(conf).values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()


def event_of(file: Path, task: Any, state: TaskInstanceState) -> Event:
    """The event that the provider's listener sends when a task comes to `state`."""
    from airflow.providers.openlineage.extractors.manager import ExtractorManager
    from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter

    about = ExtractorManager().extract_metadata(SimpleNamespace(run_id="run 1"), task, state, None)
    adapter = OpenLineageAdapter()
    adapter.complete_task(
        run_id="019ab000-0000-7000-8000-000000000000",
        job_name=f"by_hand.{task.task_id}",
        end_time=datetime.now(UTC).isoformat(),
        task=about,
        nominal_start_time=None,
        nominal_end_time=None,
        owners=None,
        tags=None,
        job_description=None,
    )
    return dict(json.loads(file.read_text().splitlines()[-1]))


def datasets(listed: list[Event]) -> list[tuple[str, str]]:
    """Name and version of each; all of DeFlow's are in one namespace."""
    return [(one["name"], one["facets"]["version"]["datasetVersion"]) for one in listed]


def two_nodes() -> DAG:
    def node(code: str) -> dict[str, Any]:
        return {"algorithm": {"code": code, "image": "python:3.11", "entrypoint": "python3 $ALGO"}}

    with DAG("by_hand", schedule=None) as dag:
        a = OceanComputeOperator(task_id="a", node=node(WRITE.format("12345")))
        edge = HandoverOperator(task_id="a__b", edge={"source": "a", "target": "b"})
        b = OceanComputeOperator(task_id="b", node=node("raise SystemExit('no')"))
        a >> edge >> b
    return dag


def test_lineage_goes_from_a_node_by_its_edge_to_the_next(between: proxy.Proxy, events: Path) -> None:
    dag = two_nodes()
    a, edge = dag.get_task("a"), dag.get_task("a__b")
    assert isinstance(a, OceanComputeOperator)
    of = context()
    returned = {"a": run(a, of)}
    of["ti"].xcom_pull = lambda task_ids: returned[task_ids]
    returned["a__b"] = edge.execute(of)
    b: Any = dag.get_task("b")
    with pytest.raises(AirflowFailException):
        run(b, {**of, "task_state_store": Memory()})

    of_a = event_of(events, a, TaskInstanceState.SUCCESS)
    of_edge = event_of(events, edge, TaskInstanceState.SUCCESS)

    (output,) = of_a["outputs"]
    sha256 = "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5"
    assert datasets(of_a["outputs"]) == [("by_hand/a/out.txt", sha256)]
    assert output["outputFacets"]["outputStatistics"]["size"] == 5
    assert datasets(of_edge["inputs"]) == datasets(of_a["outputs"])
    assert datasets(of_edge["outputs"]) == [("by_hand/a__b/out.txt", sha256)]
    assert of_edge["inputs"][0]["namespace"] == output["namespace"]
    job = of_a["run"]["facets"]["deflow_job"]
    assert (job["jobId"], job["oceanNode"], job["outcome"]) == (
        returned["a"]["job_id"],
        between.url,
        "succeeded",
    )
    assert (job["generation"], len(job["inputsSha256"]), len(job["algorithmSha256"])) == (0, 64, 64)
    assert job["environment"].startswith("0x")
    assert of_a["run"]["facets"]["externalQuery"]["externalQueryId"] == returned["a"]["job_id"]
    handover = of_edge["run"]["facets"]["deflow_handover"]
    assert (handover["mode"], handover["oceanNode"]) == ("bucket", between.url)
    of_b = event_of(events, b, TaskInstanceState.FAILED)
    assert datasets(of_b["inputs"]) == datasets(of_edge["outputs"])
    assert of_b["outputs"] == []
    assert of_b["run"]["facets"]["deflow_job"]["outcome"] == "failed"
    assert of_b["run"]["facets"]["deflow_job"]["jobId"] == b.job_id


def test_outputs_that_were_kept_are_told_as_those_of_the_job_that_made_them(
    between: proxy.Proxy, events: Path
) -> None:
    memory = Memory()
    returned = run(operator(WRITE.format("x")), context(memory))
    again = operator(WRITE.format("x"))
    run(again, context(memory, tries=(2, 3)))

    event = event_of(events, again, TaskInstanceState.SUCCESS)

    assert [name for name, _ in datasets(event["outputs"])] == ["by_hand/train/out.txt"]
    assert event["run"]["facets"]["deflow_job"]["jobId"] == returned["job_id"]


def test_no_key_and_no_signature_is_told(between: proxy.Proxy, events: Path) -> None:
    task = operator(WRITE.format("x"), environment_variables={"TOKEN": "tell-nobody"})
    run(task, context())

    event_of(events, task, TaskInstanceState.SUCCESS)

    said = events.read_text()
    assert task.job_id in said
    assert [secret for secret in (KEYS[0][2:], "tell-nobody") if secret in said] == []
    assert not re.search("[0-9a-f]{130}", said)


@pytest.mark.parametrize(
    ("dataset", "namespace", "name"),
    [
        ({"did": f"did:op:{'ab' * 32}"}, "did:op", f"did:op:{'ab' * 32}"),
        (
            {"file": {"type": "url", "url": "https://me:key@data.example/a/rows.csv?token=t"}},
            "https://data.example",
            "/a/rows.csv",
        ),
        ({"file": {"type": "ipfs", "hash": "Qm1"}}, "ipfs", "Qm1"),
        ({"file": {"type": "arweave", "transactionId": "t1"}}, "arweave", "t1"),
        (
            {
                "file": {
                    "type": "s3",
                    "s3Access": {
                        "endpoint": "https://s3.example",
                        "bucket": "patients",
                        "objectKey": "rows.csv",
                        "accessKeyId": "id",
                        "secretAccessKey": "secret",
                    },
                }
            },
            "s3://patients",
            "rows.csv",
        ),
        (
            {"file": {"type": "nodePersistentStorage", "bucketId": "b1", "fileName": "rows.csv"}},
            "https://node.example",
            "b1/rows.csv",
        ),
    ],
)
def test_a_dataset_of_the_drawing_is_told_by_its_place_and_without_its_secrets(
    dataset: Event, namespace: str, name: str
) -> None:
    node = graphs.ComputeData.model_validate({"algorithm": {"code": "pass"}, "datasets": [dataset]})

    told = lineage.own_dataset(node.datasets[0], "https://node.example")

    assert told == lineage.File(namespace, name)


def test_before_it_runs_a_task_tells_nothing_and_yet_not_none_of_which_the_provider_warns() -> None:
    told = operator("pass").get_openlineage_facets_on_start()

    assert told is not None
    assert (told.inputs, told.outputs, told.run_facets) == ([], [], {})


@pytest.mark.parametrize("why", ["no transport", "not installed"])
def test_where_nobody_listens_a_task_keeps_and_tells_nothing(
    why: str, between: proxy.Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    if why == "no transport":
        monkeypatch.delenv("AIRFLOW__OPENLINEAGE__TRANSPORT")
        forgotten()
    else:
        monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.conf", None)
        monkeypatch.setitem(sys.modules, "airflow.providers.openlineage.extractors", None)
    task = operator(WRITE.format("x"))

    run(task, context())

    assert task.lineage is None
    told = task.get_openlineage_facets_on_complete(None)
    assert told is None if why == "not installed" else told is not None and told.outputs == []
