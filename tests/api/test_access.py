# SPDX-License-Identifier: Apache-2.0
"""Access is by Dag: who may read one graph sees that one, and learns nothing of the others."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.api.people import Asking, drawing

pytestmark = pytest.mark.stack

Ask = Callable[[str], Asking]


@pytest.fixture(autouse=True)
def per_dag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__AUTH_MANAGER", "tests.api.per_dag.PerDagAuthManager")


@pytest.fixture
def ask(per_dag: None, ask: Ask) -> Ask:
    for slug in ("uma-1", "vera-1", "vera-2", "ada-1"):
        ask("admin").create(drawing(slug))
    return ask


def test_a_list_has_only_the_graphs_that_one_may_read(ask: Ask) -> None:
    listed = {role: ask(role).get("/graphs", params={"limit": 1}) for role in ("viewer", "user", "admin")}
    assert {role: found["total"] for role, found in listed.items()} == {"viewer": 2, "user": 1, "admin": 4}
    assert listed["viewer"]["graphs"][0]["slug"] == "vera-1"


def test_another_ones_graph_is_forbidden_whether_it_is_there_or_not(ask: Ask) -> None:
    refusals = [ask("user")("GET", f"/graphs/{slug}") for slug in ("vera-1", "vera-none")]
    assert [each.status_code for each in refusals] == [403, 403]
    assert ask("user")("GET", "/graphs/uma-1").status_code == 200


def test_a_graph_cannot_be_copied_or_made_under_a_name_that_is_anothers(ask: Ask) -> None:
    user = ask("user")
    assert user("POST", "/graphs", {"document": drawing("vera-3")}).status_code == 403
    assert user("POST", "/graphs/uma-1/duplicate", {"slug": "vera-3"}).status_code == 403
    assert user("POST", "/graphs/vera-1/duplicate", {"slug": "uma-2"}).status_code == 403
    assert user("POST", "/graphs/uma-1/duplicate", {"slug": "uma-2"}).status_code == 201


def test_each_connection_that_a_graph_names_is_asked_for(ask: Ask) -> None:
    user = ask("user")
    document = drawing("uma-3", defaults={"ocean_node": "of-uma", "wallet": "uma-wallet"})
    document["nodes"][1]["data"]["ocean_node"] = "of-vera"
    user.create(document)
    refused = user("POST", "/graphs/uma-3/publish", {"message": ""}, version=1)
    assert refused.status_code == 403
    assert [(each["where"], each["code"]) for each in refused.json()["problems"]] == [("b", "connection")]
    assert "of-vera" in refused.json()["message"]
    document["nodes"][1]["data"]["ocean_node"] = "uma-other"
    user.fine(user("PUT", "/graphs/uma-3/draft", {"document": document}, version=1))
    assert user.publish("uma-3", 2)["revision"] == 1
