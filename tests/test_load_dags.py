# SPDX-License-Identifier: Apache-2.0
"""`load_dags()`: all published graphs from one Dag file, through Airflow's own `mongo` connection."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pymongo.database import Database

from airflow_provider_deflow import errors
from airflow_provider_deflow.dag_factory import load_dags
from airflow_provider_deflow.graphs.store import GraphStore
from airflow_provider_deflow.hooks import settings
from airflow_provider_deflow.stack import mongod

pytestmark = pytest.mark.stack

OWN = {"deflow_upkeep": 8, "deflow_publish": 1}
ALGORITHM = {"code": "print(1)", "image": "python:3.11", "entrypoint": "python3 $ALGO"}


@pytest.fixture
def store(
    mongo_uri: str, mongo_database: Database[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> GraphStore:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path))
    connection = {**json.loads(mongod.airflow_connection(mongo_uri)), "schema": mongo_database.name}
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps(connection))
    return GraphStore(mongo_database)


def publish(store: GraphStore, slug: str, edges: list[tuple[str, str]], *, force: bool = False) -> None:
    document = {
        "slug": slug,
        "nodes": [{"id": node, "data": {"algorithm": ALGORITHM}} for node in "ab"],
        "edges": [{"source": source, "target": target} for source, target in edges],
    }
    draft = store.save(document, based_on=None, author="test")
    store.publish(slug, based_on=draft.version, author="test", force=force)


def test_every_published_graph_is_a_dag(store: GraphStore) -> None:
    publish(store, "one", [("a", "b")])
    publish(store, "two", [])

    dags = load_dags()

    assert {dag_id: len(dag.tasks) for dag_id, dag in dags.items()} == {
        "deflow_one": 4,
        "deflow_two": 3,
        **OWN,
    }


def test_a_graph_with_problems_is_a_dag_without_tasks_that_says_so(store: GraphStore) -> None:
    publish(store, "good", [("a", "b")])
    publish(store, "bad", [("a", "b"), ("b", "a")], force=True)

    dags = load_dags()

    assert {dag_id: len(dag.tasks) for dag_id, dag in dags.items()} == {
        "deflow_good": 4,
        "deflow_bad": 0,
        **OWN,
    }
    assert "graph 'bad' has 1 problem" in str(dags["deflow_bad"].doc_md)


def test_a_worker_builds_only_the_dag_it_runs(store: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(store, "one", [("a", "b")])
    publish(store, "two", [])
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "deflow_two")

    assert list(load_dags()) == ["deflow_two"]


@pytest.mark.parametrize("uri", ["mongodb://127.0.0.1:9", "mongodb://ann:hunter2@127.0.0.1:9"])
def test_without_mongodb_the_dags_stay_and_the_log_says_so(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, uri: str
) -> None:
    publish(store, "one", [("a", "b")])
    load_dags()

    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", mongod.airflow_connection(uri))
    dags = load_dags()

    assert {dag_id: len(dag.tasks) for dag_id, dag in dags.items()} == {"deflow_one": 4, **OWN}
    assert "Graphs stay as in the last good copy" in caplog.text
    assert "hunter2" not in caplog.text


def test_without_mongodb_and_without_a_copy_the_file_says_why(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", mongod.airflow_connection("mongodb://127.0.0.1:9"))

    with pytest.raises(
        errors.StoreUnreachable, match=r"127\.0\.0\.1:9 \(connection 'deflow_mongo'\) does not"
    ):
        load_dags()


def test_a_copy_that_cannot_be_read_is_none(
    store: GraphStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    publish(store, "one", [("a", "b")])
    load_dags()
    copy = settings.home() / "published.json"
    copy.write_text(copy.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", mongod.airflow_connection("mongodb://127.0.0.1:9"))

    with pytest.raises(errors.StoreUnreachable):
        load_dags()

    assert f"{copy}, cannot be read" in caplog.text


def test_a_worker_that_runs_upkeep_needs_no_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", "deflow_upkeep")

    assert list(load_dags()) == ["deflow_upkeep"]
