# SPDX-License-Identifier: Apache-2.0
"""Publishing over HTTP: what is published stays as it was, and lends only connections that one may read."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.api.people import Asking, drawing

pytestmark = pytest.mark.stack

Ask = Callable[[str], Asking]


def test_a_published_draft_is_a_revision_for_ever(ask: Ask) -> None:
    admin = ask("admin")
    admin.create(drawing("one", name="First"))
    assert admin.publish("one", 1, "so it begins") == {"revision": 1, "dag_id": "deflow_one"}
    admin.fine(admin("PUT", "/graphs/one/draft", {"document": drawing("one", name="Second")}, version=1))
    assert admin.publish("one", 2)["revision"] == 2

    listed = admin.get("/graphs/one/revisions")["revisions"]
    assert [(each["revision"], each["author"], each["message"]) for each in listed] == [
        (2, "ada", ""),
        (1, "ada", "so it begins"),
    ]
    assert admin.get("/graphs/one/revisions/1")["document"]["name"] == "First"
    assert admin("GET", "/graphs/one/revisions/3").status_code == 404
    assert admin.get("/graphs/one")["revision"] == 2


def test_an_unchanged_draft_gives_the_revision_there_is(ask: Ask) -> None:
    admin = ask("admin")
    admin.create(drawing("one"))
    assert admin.get("/graphs/one")["has_unpublished_changes"] is True
    assert [admin.publish("one", 1)["revision"] for _ in range(2)] == [1, 1]
    assert admin.get("/graphs/one")["has_unpublished_changes"] is False


def test_a_draft_with_problems_is_not_published(ask: Ask) -> None:
    admin = ask("admin")
    admin.create(drawing("one") | {"nodes": []})
    refused = admin("POST", "/graphs/one/publish", {"message": ""}, version=1)
    assert (refused.status_code, refused.json()["error"]) == (422, "invalid_graph")
    assert "no_nodes" in [each["code"] for each in refused.json()["problems"]]
    assert admin.get("/graphs/one/revisions") == {"revisions": []}


@pytest.mark.parametrize("seen", [1, 3], ids=["older", "not there yet"])
def test_only_the_version_that_was_seen_is_published(ask: Ask, seen: int) -> None:
    admin = ask("admin")
    admin.create(drawing("one"))
    admin.fine(admin("PUT", "/graphs/one/draft", {"document": drawing("one", "c")}, version=1))
    late = admin("POST", "/graphs/one/publish", {"message": ""}, version=seen)
    assert (late.status_code, late.json()["theirs"]["version"]) == (409, 2)
    assert admin.get("/graphs/one")["revision"] is None


def test_who_may_not_read_a_connection_does_not_publish_a_graph_that_uses_it(ask: Ask) -> None:
    ask("user").create(drawing("one", defaults={"wallet": "treasury"}))

    refused = ask("user")("POST", "/graphs/one/publish", {"message": ""}, version=1)

    assert (refused.status_code, refused.json()["error"]) == (403, "connection_forbidden")
    assert {(each["where"], each["message"].split()[2]) for each in refused.json()["problems"]} == {
        (node, conn) for node in "ab" for conn in ("'ocean_node_default'", "'treasury'")
    }
    assert ask("op").publish("one", 1)["revision"] == 1


def test_an_old_revision_comes_back_as_the_draft(ask: Ask) -> None:
    admin = ask("admin")
    admin.create(drawing("one", name="First"))
    admin.publish("one", 1)
    admin.fine(admin("PUT", "/graphs/one/draft", {"document": drawing("one", "z")}, version=1))

    stale = admin("POST", "/graphs/one/revisions/1/restore", version=1)
    restored = admin.fine(admin("POST", "/graphs/one/revisions/1/restore", version=2))

    assert stale.status_code == 409
    assert (restored["document"]["name"], restored["version"], restored["revision"]) == ("First", 3, 1)


def test_a_difference_names_nodes_edges_and_paths(ask: Ask) -> None:
    admin = ask("admin")
    admin.create(drawing("one", "a", "b", "c", name="First"))
    admin.publish("one", 1)
    changed = drawing("one", "a", "b", "d", name="Second")
    changed["nodes"][0]["data"] = {"algorithm": {"code": "print(2)"}}
    changed["nodes"][1]["position"] = {"x": 500, "y": 0}
    admin.fine(admin("PUT", "/graphs/one/draft", {"document": changed}, version=1))

    assert admin.get("/graphs/one/diff", params={"from": 1, "to": "draft"}) == {
        "nodes": {
            "added": ["d"],
            "removed": ["c"],
            "changed": [
                {
                    "id": "a",
                    "fields": [{"path": "data.algorithm.code", "from": "print(1)", "to": "print(2)"}],
                }
            ],
        },
        "edges": {"added": ["b-d"], "removed": ["b-c"], "changed": []},
        "graph": [{"path": "name", "from": "First", "to": "Second"}],
    }
    same = admin.get("/graphs/one/diff", params={"from": "draft"})
    assert same == {
        "nodes": {"added": [], "removed": [], "changed": []},
        "edges": {"added": [], "removed": [], "changed": []},
        "graph": [],
    }
    assert admin("GET", "/graphs/one/diff", params={"from": 9}).status_code == 404
