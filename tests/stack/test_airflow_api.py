# SPDX-License-Identifier: Apache-2.0
"""Airflow's REST API as it answers while SQLite is locked: words recorded from Airflow 3.3."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack.airflow_api import AirflowApi
from airflow_provider_deflow.stack.airflow_requests import DATABASE_TRIES

LOCKED = {
    "reason": "Database error",
    "statement": "hidden",
    "orig_error": "hidden",
    "message": "Serious error when handling your request. Check logs for more details",
}
NO_BACKFILL = "Database is locked. Backfill creation is not supported on SQLite under concurrent access. "
RUN = {"dag_run_id": "manual__1"}


class Airflow(ThreadingHTTPServer):
    """Gives a token to everybody, and then these answers, one after the other."""

    def __init__(self, *answers: tuple[int, dict[str, Any]]) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.answers = list(answers)
        self.asked: list[str] = []


class Answer(BaseHTTPRequestHandler):
    server: Airflow

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/auth/token":
            status, body = 201, {"access_token": "t"}
        else:
            self.server.asked.append(self.path)
            status, body = self.server.answers.pop(0)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def airflow() -> Iterator[Airflow]:
    with Airflow() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def api(server: Airflow) -> AirflowApi:
    return AirflowApi(f"http://127.0.0.1:{server.server_port}", "admin", "admin")


def test_what_a_locked_database_refused_is_asked_again(airflow: Airflow) -> None:
    airflow.answers = [(500, {"detail": LOCKED}), (503, {"detail": NO_BACKFILL}), (200, RUN)]

    with api(airflow) as one:
        assert one.trigger("deflow_one") == "manual__1"

    assert airflow.asked == ["/api/v2/dags/deflow_one/dagRuns"] * 3


def test_a_database_that_stays_locked_is_told(airflow: Airflow) -> None:
    airflow.answers = [(500, {"detail": LOCKED})] * (DATABASE_TRIES + 1)

    with api(airflow) as one, pytest.raises(StackError, match=r"500 .*Database error"):
        one.trigger("deflow_one")

    assert len(airflow.asked) == DATABASE_TRIES


@pytest.mark.parametrize("status", [500, 409])
def test_what_is_refused_otherwise_is_not_asked_again(airflow: Airflow, status: int) -> None:
    airflow.answers = [(status, {"detail": "the Dag run is there already"})] * 2

    with api(airflow) as one, pytest.raises(StackError, match="is there already"):
        one.trigger("deflow_one")

    assert len(airflow.asked) == 1
