# SPDX-License-Identifier: Apache-2.0
"""Every error has one shape, and says what to do; nobody comes in without a login."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from airflow_provider_deflow.graphs.store import GraphStore
from tests.api.people import Asking, drawing

pytestmark = pytest.mark.stack

Ask = Callable[[str], Asking]


def test_nobody_gets_in_without_a_login(ask: Ask) -> None:
    for headers in ({}, {"authorization": "Bearer nonsense"}, {"cookie": "_token=nonsense"}):
        refused = ask("")("GET", "/graphs", headers=headers)
        assert refused.status_code in (401, 403)
        assert set(refused.json()) == {"error", "message"}


def test_a_browsers_session_is_a_login_too(ask: Ask) -> None:
    token = ask("viewer")._headers["authorization"].removeprefix("Bearer ")
    assert ask("")("GET", "/graphs", headers={"cookie": f"_token={token}"}).status_code == 200


def test_an_unknown_address_or_method_has_the_shape_of_all_errors(ask: Ask) -> None:
    assert ask("admin")("GET", "/nothing").json()["error"] == "not_found"
    assert ask("admin")("PATCH", "/graphs").json()["error"] == "method_not_allowed"


def test_an_unknown_graph_is_not_found_whatever_is_asked_of_it(ask: Ask) -> None:
    admin = ask("admin")
    for method, path, body in (
        ("GET", "/graphs/none", None),
        ("PUT", "/graphs/none/draft", {"document": drawing("none")}),
        ("POST", "/graphs/none/publish", {"message": ""}),
        ("DELETE", "/graphs/none", None),
        ("GET", "/graphs/none/revisions", None),
        ("GET", "/graphs/none/export", None),
        ("POST", "/graphs/none/revisions/1/restore", None),
    ):
        missing = admin(method, path, body, version=1)
        assert (missing.status_code, missing.json()["error"]) == (404, "not_found"), path


def test_mongodb_away_is_said_with_what_to_do(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"conn_type": "mongo", "host": "127.0.0.1", "port": 9, "password": "secret", "login": "me"}
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps(gone))
    for method, path, body in (
        ("GET", "/graphs", None),
        ("POST", "/graphs", {"document": drawing("one")}),
    ):
        away = ask("admin")(method, path, body)
        assert (away.status_code, away.json()["error"]) == (503, "store_unreachable")
        assert "Is it running" in away.json()["message"]
        assert "deflow_mongo" in away.json()["message"]
        assert "secret" not in away.text


def test_a_connection_that_is_not_there_is_said_with_what_to_do(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DEFLOW_MONGO")
    away = ask("admin")("GET", "/graphs")
    assert (away.status_code, away.json()["error"]) == (503, "settings")
    assert "deflow_mongo" in away.json()["message"]


def test_mongodb_is_reached_again_when_its_connection_was_put_right(
    ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv(
            "AIRFLOW_CONN_DEFLOW_MONGO", json.dumps({"conn_type": "mongo", "host": "127.0.0.1", "port": 9})
        )
        assert ask("admin")("GET", "/graphs").status_code == 503
    assert ask("admin")("GET", "/graphs").status_code == 200


def test_what_nobody_foresaw_shows_nothing_of_itself(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GraphStore, "list", lambda _: 1 / 0)
    failed = ask("admin")("GET", "/graphs")
    assert (failed.status_code, failed.json()["error"]) == (500, "deflow")
    assert "report" in failed.json()["message"]
    assert "division" not in failed.text
