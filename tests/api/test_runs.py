# SPDX-License-Identifier: Apache-2.0
"""Runs over HTTP of a real Airflow API server where nothing runs them: asked for, listed, shown, stopped."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any

import pytest

from airflow_provider_deflow.api import last_runs
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


@pytest.mark.timeout(120)
def test_a_database_that_somebody_else_writes_is_asked_again(
    api_server: Server, op: Asking, known: str
) -> None:
    """As SQLite's is under `deflow up`: Airflow refuses at last, and nothing was changed then."""
    log = api_server.home.log("api-server")
    so_far = log.stat().st_size
    with (
        closing(sqlite3.connect(api_server.home.airflow / "airflow.db", isolation_level=None)) as other,
        ThreadPoolExecutor(1) as person,
    ):
        other.execute("BEGIN IMMEDIATE")
        started = person.submit(start, op, known)
        while b"INSERT INTO log" not in log.read_bytes()[so_far:]:
            assert not started.done(), started.result()
            time.sleep(0.1)
        other.execute("ROLLBACK")
        run_id = started.result()

    assert run_id in [run["run_id"] for run in op.get(f"/graphs/{known}/runs")["runs"]]


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


def test_a_scheduler_that_writes_what_it_had_found_before_does_not_undo_a_stop(
    api_server: Server, op: Asking, known: str
) -> None:
    run_id = start(op, known)
    path = f"/api/v2/dags/deflow_{known}/dagRuns/{run_id}"
    login = {"authorization": f"Bearer {api_server.tokens['op']}"}

    def call_it_a_success_once_it_has_failed() -> None:
        while api_server.client.get(path, headers=login).json()["state"] != "failed":
            time.sleep(0.02)
        api_server.client.patch(path, headers=login, json={"state": "success"}).raise_for_status()

    with ThreadPoolExecutor(1) as pool:
        scheduler = pool.submit(call_it_a_success_once_it_has_failed)
        stopping = op("POST", f"/graphs/{known}/runs/{run_id}/stop")
        scheduler.result(timeout=30)
    assert stopping.json() == {"run_id": run_id, "state": "failed"}
    assert api_server.client.get(path, headers=login).json()["state"] == "failed"


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


def test_the_list_of_graphs_has_the_last_run_and_the_next(api_server: Server, op: Asking) -> None:
    schedule = {"cron": "0 6 * * *", "start_date": "2026-01-01T00:00:00Z"}
    op.create(drawing("list-often"))
    op.create(drawing("list-daily", schedule=schedule))
    op.create(drawing("list-daily-too", schedule=schedule))
    op.create(drawing("list-never"))
    for slug in ("list-often", "list-daily", "list-daily-too", "list-never"):
        op.publish(slug, 1)
    api_server.read_dags()
    often = [start(op, "list-often") for _ in range(3)]
    daily = start(op, "list-daily")
    op.fine(op("POST", f"/graphs/list-daily/runs/{daily}/stop"))

    found = op.get("/graphs", params={"search": "list-"})

    assert found["may_create"] is True
    graphs = {each["slug"]: each for each in found["graphs"]}
    waiting = graphs["list-often"]["last_run"]
    assert (waiting["run_id"], waiting["state"], waiting["started_at"]) == (often[-1], "queued", None)
    assert (graphs["list-daily"]["last_run"]["run_id"], graphs["list-daily"]["last_run"]["state"]) == (
        daily,
        "failed",
    )
    assert graphs["list-daily"]["next_run_at"].endswith("T06:00:00Z")
    assert graphs["list-daily-too"]["next_run_at"] is None  # paused, as Airflow makes them
    assert (graphs["list-never"]["last_run"], graphs["list-never"]["next_run_at"]) == (None, None)


class OverHttp:
    """Airflow's REST API, asked as a user from here."""

    def __init__(self, server: Server, role: str) -> None:
        self.client, self.login = server.client, {"authorization": f"Bearer {server.tokens[role]}"}
        self.asked: list[str] = []

    async def get(self, path: str, asked: Any = None) -> Any:
        return self._fine("GET", path, params=asked)

    async def send(self, method: str, path: str, body: Any) -> Any:
        return self._fine(method, path, json=body)

    def _fine(self, method: str, path: str, **more: Any) -> Any:
        self.asked.append(path)
        reply = self.client.request(method, f"/api/v2{path}", headers=self.login, **more)
        return reply.raise_for_status().json()


@pytest.mark.parametrize(("lists", "requests"), [(5, 3), (1, 4)])
def test_a_graph_that_runs_often_does_not_hide_the_last_run_of_another(
    api_server: Server, op: Asking, monkeypatch: pytest.MonkeyPatch, lists: int, requests: int
) -> None:
    slugs = [f"{slug}-{lists}" for slug in ("hides-few", "hides-many", "hides-none")]
    for slug in slugs:
        op.create(drawing(slug))
        op.publish(slug, 1)
    api_server.read_dags()
    few = start(op, slugs[0])
    many = [start(op, slugs[1]) for _ in range(3)]
    airflow = OverHttp(api_server, "op")
    monkeypatch.setattr(last_runs, "PAGE_SIZE", 2)
    monkeypatch.setattr(last_runs, "MOST_LISTS", lists)

    found = asyncio.run(last_runs._newest(airflow, [f"deflow_{slug}" for slug in slugs]))  # type: ignore[arg-type]

    newest = {dag_id: runs[0]["dag_run_id"] for dag_id, runs in found.items()}
    assert newest == {f"deflow_{slugs[0]}": few, f"deflow_{slugs[1]}": many[-1]}
    assert len(airflow.asked) == requests - 1
