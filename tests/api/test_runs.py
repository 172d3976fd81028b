# SPDX-License-Identifier: Apache-2.0
"""Runs over HTTP of a real Airflow API server where nothing runs them: asked for, listed, shown, stopped."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.people import Asking, drawing
from tests.api.server import Server

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def op(api_server: Server) -> Asking:
    return api_server.ask("op")


@pytest.fixture(scope="module")
def known(api_server: Server, op: Asking) -> str:
    """A graph whose Dag Airflow has read, paused as Airflow makes them."""
    op.create(drawing("runs-known", "a", "b", params={"x": {"default": 1}}))
    op.publish("runs-known", 1)
    api_server.read_dags()
    return "runs-known"


def start(op: Asking, slug: str, **asked: Any) -> str:
    return str(op.fine(op("POST", f"/graphs/{slug}/runs", asked))["run_id"])


def test_a_draft_cannot_be_run_and_has_no_runs(op: Asking) -> None:
    op.create(drawing("runs-draft"))
    refused = op("POST", "/graphs/runs-draft/runs", {})
    assert (refused.status_code, refused.json()["error"]) == (409, "not_published")
    assert op.get("/graphs/runs-draft/runs") == {"runs": []}
    assert op("GET", "/graphs/runs-none/runs").status_code == 404
    assert op("POST", "/graphs/runs-none/runs", {}).status_code == 404


def test_a_revision_that_airflow_has_not_read_yet_is_not_run_as_the_one_before(
    api_server: Server, op: Asking
) -> None:
    op.create(drawing("runs-new"))
    op.publish("runs-new", 1)
    early = op("POST", "/graphs/runs-new/runs", {})
    assert (early.status_code, early.json()["error"], early.headers["retry-after"]) == (409, "not_ready", "5")
    api_server.read_dags()
    start(op, "runs-new")
    op.fine(op("PUT", "/graphs/runs-new/draft", {"document": drawing("runs-new", "c")}, version=1))
    op.publish("runs-new", 2)
    assert op("POST", "/graphs/runs-new/runs", {}).json()["error"] == "not_ready"


def test_a_run_is_listed_with_its_revision_and_who_started_it(op: Asking, known: str) -> None:
    run_id = start(op, known, params={"x": 2})
    newest = op.get(f"/graphs/{known}/runs")["runs"][0]
    assert (newest["run_id"], newest["revision"], newest["triggered_by"]) == (run_id, 1, "opal")
    assert (newest["state"], newest["ended_at"]) == ("queued", None)


def test_a_run_shows_every_node_and_edge_before_anything_began(op: Asking, known: str) -> None:
    seen = op.get(f"/graphs/{known}/runs/{start(op, known)}")
    assert (seen["state"], seen["revision"]) == ("queued", 1)
    assert [node["id"] for node in seen["document"]["nodes"]] == ["a", "b"]
    assert {name: (node["state"], node["attempt"]) for name, node in seen["nodes"].items()} == {
        "a": (None, 0),
        "b": (None, 0),
    }
    assert seen["edges"]["a__b"]["state"] is None
    assert seen["results"] == {"state": None, "files": []}


def test_a_run_shows_the_drawing_as_it_was_then(api_server: Server, op: Asking) -> None:
    op.create(drawing("runs-then", "old"))
    op.publish("runs-then", 1)
    api_server.read_dags()
    run_id = start(op, "runs-then")
    op.fine(op("PUT", "/graphs/runs-then/draft", {"document": drawing("runs-then", "new")}, version=1))
    op.publish("runs-then", 2)
    assert list(op.get(f"/graphs/runs-then/runs/{run_id}")["nodes"]) == ["old"]


@pytest.mark.parametrize(
    ("asked", "where"),
    [
        ({"from": ["z"]}, "from"),
        ({"only": ["a"], "to": ["b"]}, "only"),
        ({"from": ["b"], "to": ["a"]}, "from"),
        ({"force_new": ["z"]}, "force_new"),
        ({"params": {"only": ["a"]}}, "params.only"),
    ],
)
def test_a_part_that_makes_no_sense_is_refused_by_its_place(
    op: Asking, known: str, asked: dict[str, Any], where: str
) -> None:
    refused = op("POST", f"/graphs/{known}/runs", asked)
    assert refused.status_code == 422
    assert [each["where"] for each in refused.json()["problems"]] == [where]


def test_a_parameter_that_does_not_fit_is_refused_in_airflows_words(api_server: Server, op: Asking) -> None:
    document = drawing("runs-params", params={"x": {"default": 1, "schema": {"type": "integer"}}})
    op.create(document)
    op.publish("runs-params", 1)
    api_server.read_dags()
    refused = op("POST", "/graphs/runs-params/runs", {"params": {"x": "much"}})
    assert refused.status_code in (400, 422)
    assert "x" in refused.json()["message"]


def test_what_a_part_was_asked_for_reaches_the_run(api_server: Server, op: Asking, known: str) -> None:
    run_id = start(op, known, **{"from": ["b"], "force_new": ["b"], "params": {"x": 3}})
    login = {"authorization": f"Bearer {api_server.tokens['op']}"}
    run = api_server.client.get(f"/api/v2/dags/deflow_{known}/dagRuns/{run_id}", headers=login).json()
    assert run["conf"] == {"x": 3, "from": ["b"], "force_new": ["b"]}
    dag = api_server.client.get(f"/api/v2/dags/deflow_{known}", headers=login).json()
    assert dag["is_paused"] is False


def test_a_stopped_run_has_failed_and_stays_so(op: Asking, known: str) -> None:
    run_id = start(op, known)
    for _ in range(2):
        stopping = op("POST", f"/graphs/{known}/runs/{run_id}/stop")
        assert (stopping.status_code, stopping.json()) == (202, {"run_id": run_id, "state": "failed"})
    assert op.get(f"/graphs/{known}/runs/{run_id}")["state"] == "failed"


def test_a_log_that_has_not_begun_is_empty_and_goes_on(op: Asking, known: str) -> None:
    path = f"/graphs/{known}/runs/{start(op, known)}/tasks"
    assert op.get(f"{path}/a/log") == {"lines": [], "is_over": False}
    assert op("GET", f"{path}/z/log").status_code == 404
    assert op("GET", f"/graphs/{known}/runs/none/tasks/a/log").status_code == 404
    assert op("GET", f"/graphs/{known}/runs/none").status_code == 404


def test_ocean_nodes_are_those_of_airflow_that_one_may_read(api_server: Server, op: Asking) -> None:
    login = {"authorization": f"Bearer {api_server.tokens['admin']}"}
    kept = {"connection_id": "mine", "conn_type": "ocean_node", "host": "https://me:secret@node.example:8001"}
    api_server.client.post("/api/v2/connections", json=kept, headers=login).raise_for_status()
    assert op.get("/ocean-nodes")["ocean_nodes"] == [
        {"conn_id": "mine", "url_host": "node.example:8001"},
        {"conn_id": "ocean_node_default", "url_host": "127.0.0.1:9"},
    ]
    assert api_server.ask("user").get("/ocean-nodes") == {"ocean_nodes": []}
