# SPDX-License-Identifier: Apache-2.0
"""What tasks leave in the ledger: real tasks, a real local Ocean Node, a real MongoDB."""

from __future__ import annotations

import asyncio
import json
import os
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowFailException, TaskDeferred
from pymongo.database import Database

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks.storage import content_store, ledger_spool
from airflow_provider_deflow.ledger import history
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.handover import HandoverOperator
from airflow_provider_deflow.operators.last_stop import LastStop
from airflow_provider_deflow.operators.results import CollectResultsOperator
from airflow_provider_deflow.stack import mongod as part
from airflow_provider_deflow.triggers.ocean_job import OceanJobTrigger
from tests import proxy
from tests.local_ocean_node.running import KEYS
from tests.operators.one_task import WRITE, Memory, context, first_event, operator, run

# Airflow says so at each direct call of execute.
pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

SLEEP = "import time; time.sleep(60)"
Mongo = Database[dict[str, Any]]


@pytest.fixture(autouse=True)
def connected(
    between: proxy.Proxy, mongo_uri: str, mongo_database: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(part.airflow_connection(mongo_uri))
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps({**connection, "schema": mongo_database.name}))


def told(database: Mongo, run_id: str = "run 1") -> dict[str, Any]:
    ledger = LedgerStore(database)
    found = ledger.run(run_id)
    document = history.of_run(found, ledger.entries([found["_id"]]))
    assert json.loads(json.dumps(document)) == document, "it is JSON"
    return document


def node_of(database: Mongo, run_id: str = "run 1") -> dict[str, Any]:
    (node,) = told(database, run_id)["nodes"]
    return dict(node)


def test_a_job_is_told_from_its_start_to_its_outputs(between: proxy.Proxy, mongo_database: Mongo) -> None:
    returned = run(operator("print('row 6'); " + WRITE.format("x")), context())

    node = node_of(mongo_database)
    (job,) = node["jobs"]
    assert (node["task_id"], node["state"]) == ("train", "succeeded")
    assert (job["job_id"], job["ocean_node"], job["generation"]) == (returned["job_id"], between.url, 0)
    assert (job["taken"][0]["how"], job["outcome"], job["exit_code"]) == ("started", "succeeded", 0)
    assert set(job["hashes"]) == {"algorithm", "inputs"}
    assert job["logs"] == {"algorithmLog": ["row 6"]}
    assert job["environment"].startswith(job["job_id"].split("-")[0])
    assert [request["request"] for request in node["requests"]][:1] == ["start a free job"]
    assert {request["answer"] for request in node["requests"]} == {"ok"}
    assert node["outputs"]["sha256"] == returned["outputs"]
    assert [file[:2] for file in node["outputs"]["files"]] == [["out.txt", 1]]


def test_what_a_trigger_saw_is_told_by_the_task_that_comes_back(mongo_database: Mongo) -> None:
    task, of = operator("import time; time.sleep(6); " + WRITE.format("x")), context()
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(of)
    event = asyncio.run(first_event(deferral.value.trigger))
    before = [state["status"] for state in node_of(mongo_database)["jobs"][0]["states"]]

    task.resume(of, json.loads(json.dumps(event)))

    node = node_of(mongo_database)
    after = [state["status"] for state in node["jobs"][0]["states"]]
    assert after[: len(before)] == before
    assert after[-1] in {70, 71} - set(before)
    assert [one["state"] for one in node["tries"]] == ["succeeded"]


def test_a_failure_is_told_with_whose_it_is_and_the_end_of_the_log(mongo_database: Mongo) -> None:
    with pytest.raises(AirflowFailException):
        run(operator("raise SystemExit('row 7 is empty')"), context())

    document = told(mongo_database)
    (node,) = document["nodes"]
    (one,) = node["tries"]
    assert (document["state"], one["state"], one["why"]["error"]) == ("failed", "failed", "JobFailed")
    assert one["why"]["fault"] == "algorithm"
    assert "row 7 is empty" in node["jobs"][0]["logs"]["algorithmLog"]


def test_a_lost_answer_is_told_and_the_next_try_says_that_it_followed(
    between: proxy.Proxy, mongo_database: Mongo
) -> None:
    between.lose_reply = "POST /api/services/freeCompute"
    memory = Memory()
    run(operator(WRITE.format("x")), context(memory))
    run(operator(WRITE.format("x")), context(memory, tries=(2, 3)))

    node = node_of(mongo_database)
    start = next(one for one in node["requests"] if one["request"] == "start a free job")
    assert (start["answer"], start["status"]) == ("OceanNodeUnreachable", None)
    assert [one["try"] for one in node["tries"]] == [1, 2]
    assert node["reused_from"] == {
        "run_id": "run 1",
        "job_id": node["jobs"][0]["job_id"],
        "sha256": node["outputs"]["sha256"],
    }


def test_an_error_that_can_pass_is_told_as_to_be_tried_again_until_the_last_try(
    between: proxy.Proxy, mongo_database: Mongo
) -> None:
    between.spoil_replies_after = "GET /api/services/computeEnvironments"
    for tries in ((1, 1), (2, 1)):
        with pytest.raises((errors.DeflowError, AirflowFailException)):
            run(operator(WRITE.format("x")), context(tries=tries))

    states = [one["state"] for one in node_of(mongo_database)["tries"]]
    assert states[-1] == "failed"


def test_a_job_on_the_ocean_node_of_before_is_stopped_as_the_ledger_tells(
    between: proxy.Proxy, mongo_database: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    with pytest.raises(TaskDeferred):
        operator(SLEEP).execute(context(memory))
    connection = json.loads(os.environ["AIRFLOW_CONN_OCEAN_NODE_DEFAULT"])
    with proxy.between(between.url) as other:
        monkeypatch.setenv("AIRFLOW_CONN_OCEAN_NODE_DEFAULT", json.dumps({**connection, "host": other.url}))

        run(operator(WRITE.format("x")), context(memory, tries=(2, 3)))

    node = node_of(mongo_database)
    # Asked again until the job is over.
    stops = [request for request in node["requests"] if request["request"] == "stop a job"]
    assert {(one["ocean_node"], one["job_id"]) for one in stops} == {(between.url, node["jobs"][0]["job_id"])}
    assert [job["ocean_node"] for job in node["jobs"]] == [between.url, other.url]


def test_a_person_who_ends_a_running_task_is_told_by_the_next_task(
    mongo_database: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = operator(SLEEP)
    with pytest.raises(TaskDeferred):
        task.execute(context())
    monkeypatch.setattr(LastStop, "_still_wanted", lambda _: False)
    task.on_kill()
    assert len(list(ledger_spool().kept())) >= 2, "a signal handler does not talk to MongoDB"

    run(operator(WRITE.format("y")), context(run_id="run 2"))

    node = node_of(mongo_database)
    assert node["state"] == "stopped"
    assert node["tries"][0]["told_to_end"]["why"] == "a person ended the task"
    assert "stop a job" in [request["request"] for request in node["requests"]]
    assert list(ledger_spool().kept()) == []


def test_a_person_who_ends_a_deferred_task_is_told_by_the_trigger(mongo_database: Mongo) -> None:
    task = operator(SLEEP)
    with pytest.raises(TaskDeferred) as deferral:
        task.execute(context())
    trigger = deferral.value.trigger
    assert isinstance(trigger, OceanJobTrigger)
    place = {"dag_id": "by_hand", "run_id": "run 1", "task_id": "train", "map_index": -1, "try_number": 1}
    trigger._task_instance = SimpleNamespace(**place)

    asyncio.run(trigger.on_kill())

    node = node_of(mongo_database)
    assert node["state"] == "stopped"
    assert (node["jobs"][0]["job_id"], node["jobs"][0]["outcome"]) == (task.job_id, "stopped")
    assert next(one["answer"] for one in node["requests"] if one["request"] == "stop a job") == "ok"


def test_a_whole_run_leaves_no_secret_in_the_ledger(
    between: proxy.Proxy, mongo_database: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys, and every signature and nonce that went out, are looked for in all that was kept."""
    dag = a_run_of_two_nodes_with_a_failed_start(between)

    kept = json.dumps(
        [list(mongo_database[name].find()) for name in mongo_database.list_collection_names()], default=str
    )
    secrets = {KEYS[0], KEYS[0].removeprefix("0x"), "tell-nobody", *signatures_and_nonces(between)}
    assert len(secrets) > 10
    assert [secret for secret in secrets if secret in kept] == []
    document = told(mongo_database)
    assert (document["state"], document["graph"], document["revision"]) == ("succeeded", "two", 7)
    (edge,) = document["edges"]
    assert (edge["source"], edge["target"], edge["mode"], edge["count"]) == ("a", "b", "bucket", 1)
    assert "upload" in [request["request"] for request in edge["requests"]]
    assert document["results"]["count"] == 1
    assert content_store().has(document["results"]["archive"])
    assert {task.task_id for task in dag.tasks} == {"a", "a__b", "b", "results"}


def a_run_of_two_nodes_with_a_failed_start(between: proxy.Proxy) -> DAG:
    code = "import os; " + WRITE.format("x") + "; print(os.environ.get('TOKEN'))"
    algorithm = {"code": code, "image": "python:3.11", "entrypoint": "python3 $ALGO"}
    with DAG("by_hand", schedule=None) as dag:
        a = OceanComputeOperator(
            task_id="a",
            node={"algorithm": algorithm, "environment_variables": {"TOKEN": "password=tell-nobody"}},
        )
        edge = HandoverOperator(task_id="a__b", edge={"source": "a", "target": "b"})
        b = OceanComputeOperator(task_id="b", node={"algorithm": algorithm})
        results = CollectResultsOperator(task_id="results", graph={"slug": "two", "revision": 7})
        a >> edge >> b >> results
    between.lose_reply = "POST /api/services/freeCompute"
    returned: dict[str, Any] = {}
    for task in (a, edge, b, results):
        of = context()
        of["ti"].xcom_pull = lambda task_ids: returned.get(task_ids)
        returned[task.task_id] = run(task, of) if isinstance(task, OceanComputeOperator) else task.execute(of)
    return dag


def signatures_and_nonces(between: proxy.Proxy) -> set[str]:
    found: set[str] = set()
    for path, body in between.sent:
        for name, values in parse_qs(urlsplit(path).query).items():
            found |= set(values) if name in ("signature", "nonce") else set()
        found |= set(re.findall(r'"(?:signature|nonce)":"([^"]+)"', body.decode(errors="replace")))
    return found


def test_an_edge_that_fails_is_told_as_an_edge(mongo_database: Mongo, tmp_path: Path) -> None:
    with DAG("by_hand", schedule=None):
        edge = HandoverOperator(task_id="a__b", edge={"source": "a", "target": "b"})
    of = context()
    of["ti"].xcom_pull = lambda task_ids: None

    with pytest.raises(AirflowFailException):
        edge.execute(of)

    document = told(mongo_database)
    assert (document["nodes"], document["edges"][0]["task_id"]) == ([], "a__b")
    assert document["edges"][0]["tries"][0]["why"]["error"] == "MissingOutput"
