# SPDX-License-Identifier: Apache-2.0
"""Graphs over HTTP: what is saved is there, what somebody else saved is not lost, what is wrong is said."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.api.people import ALGORITHM, Asking, drawing

pytestmark = pytest.mark.stack

Ask = Callable[[str], Asking]


def test_a_saved_graph_is_read_again_with_its_version_and_who_saved_it(ask: Ask) -> None:
    admin = ask("admin")
    created = admin("POST", "/graphs", {"document": drawing("one", name="One")})
    assert (created.status_code, created.headers["etag"]) == (201, '"1"')

    seen = admin.get("/graphs/one")

    assert seen == created.json()
    assert (seen["slug"], seen["dag_id"], seen["version"], seen["revision"]) == ("one", "deflow_one", 1, None)
    assert (seen["saved_by"], seen["problems"]) == ("ada", [])
    assert [node["id"] for node in seen["document"]["nodes"]] == ["a", "b"]


def test_a_draft_may_have_problems_and_tells_all_of_them_by_place(ask: Ask) -> None:
    broken = {"slug": "one", "nodes": [{"id": "a", "data": {}}], "edges": [{"source": "a", "target": "z"}]}
    found = ask("user").create(broken)["problems"]
    assert {(each["code"], each["where"]) for each in found} == {
        ("missing", "nodes[0].data.algorithm"),
        ("missing_end", "a-z"),
    }


def test_a_second_graph_of_the_same_slug_is_refused(ask: Ask) -> None:
    admin = ask("admin")
    admin.create(drawing("one"))
    again = admin("POST", "/graphs", {"document": drawing("one")})
    assert (again.status_code, again.json()["error"]) == (409, "exists")


def test_who_saves_on_an_older_version_gets_the_newer_one_and_loses_nothing(ask: Ask) -> None:
    ask("admin").create(drawing("one", name="First"))
    ask("user")("PUT", "/graphs/one/draft", {"document": drawing("one", name="Theirs")}, version=1)

    late = ask("admin")("PUT", "/graphs/one/draft", {"document": drawing("one", name="Mine")}, version=1)

    assert (late.status_code, late.json()["error"]) == (409, "conflict")
    assert late.json()["theirs"]["document"]["name"] == "Theirs"
    assert (late.json()["theirs"]["version"], late.json()["theirs"]["saved_by"]) == (2, "uma")
    assert ask("admin").get("/graphs/one")["document"]["name"] == "Theirs"


def test_a_save_that_does_not_say_what_it_saw_is_refused(ask: Ask) -> None:
    ask("admin").create(drawing("one"))
    for headers in ({}, {"if-match": "*"}, {"if-match": "newest"}):
        blind = ask("admin")("PUT", "/graphs/one/draft", {"document": drawing("one")}, headers=headers)
        assert (blind.status_code, blind.json()["error"]) == (428, "if_match_required")


def test_a_graph_keeps_its_slug(ask: Ask) -> None:
    ask("admin").create(drawing("one"))
    moved = ask("admin")("PUT", "/graphs/one/draft", {"document": drawing("two")}, version=1)
    assert moved.status_code == 422
    assert moved.json()["problems"][0]["where"] == "slug"


def test_the_list_is_searched_and_paged(ask: Ask) -> None:
    admin = ask("admin")
    admin.create(drawing("rain", name="Rainfall", tags=["weather"], owner="Met"))
    admin.create(drawing("sun", description="Hours of sun", tags=["weather"]))
    admin.create(drawing("tumours"))

    assert [each["slug"] for each in admin.get("/graphs")["graphs"]] == ["rain", "sun", "tumours"]
    page = admin.get("/graphs", params={"search": "WEATHER", "limit": 1, "offset": 1})
    assert (page["total"], [each["slug"] for each in page["graphs"]]) == (2, ["sun"])
    found = admin.get("/graphs", params={"search": "hours of"})["graphs"][0]
    assert (found["slug"], found["description"], found["tags"]) == ("sun", "Hours of sun", ["weather"])
    assert admin.get("/graphs", params={"search": "met"})["graphs"][0]["owner"] == "Met"


def test_a_viewer_is_told_what_they_may_not(ask: Ask) -> None:
    ask("admin").create(drawing("one"))
    seen = ask("viewer").get("/graphs/one")
    assert (seen["may_edit"], seen["may_run"]) == (False, False)
    assert ask("viewer").get("/graphs")["graphs"][0]["may_edit"] is False
    refused = ask("viewer")("PUT", "/graphs/one/draft", {"document": drawing("one")}, version=1)
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    assert "vera" in refused.json()["message"]
    assert "deflow_one" in refused.json()["message"]


def test_a_deleted_graph_is_gone_from_the_list_and_its_slug_is_free(ask: Ask) -> None:
    admin = ask("admin")
    admin.create(drawing("one"))
    assert admin("DELETE", "/graphs/one").status_code == 204
    assert admin.get("/graphs")["total"] == 0
    assert admin("GET", "/graphs/one").status_code == 404
    assert admin("DELETE", "/graphs/one").status_code == 404
    admin.create(drawing("one"))


def test_a_duplicate_is_a_graph_of_its_own(ask: Ask) -> None:
    admin = ask("admin")
    admin.create(drawing("one", name="One"))
    copy = admin.fine(admin("POST", "/graphs/one/duplicate", {"slug": "two", "name": "Two"}))
    assert (copy["slug"], copy["document"]["name"], copy["document"]["slug"]) == ("two", "Two", "two")
    assert admin.get("/graphs/one")["document"]["name"] == "One"
    assert admin("POST", "/graphs/one/duplicate", {"slug": "two"}).status_code == 409
    assert admin("POST", "/graphs/none/duplicate", {"slug": "three"}).status_code == 404


def test_validating_saves_nothing(ask: Ask) -> None:
    loop = drawing("one") | {"edges": [{"source": "a", "target": "b"}, {"source": "b", "target": "a"}]}
    found = ask("viewer").fine(ask("viewer")("POST", "/validate", {"document": loop}))["problems"]
    assert [each["code"] for each in found] == ["cycle"]
    assert ask("viewer").fine(ask("viewer")("POST", "/validate", {"document": drawing("one")})) == {
        "problems": []
    }
    assert ask("viewer").get("/graphs")["total"] == 0


def test_an_imported_drawing_can_be_saved_and_is_exported_as_it_came(ask: Ask) -> None:
    flow = {
        "nodes": [
            {"id": "1", "position": {"x": 1, "y": 2}, "data": {"algorithm": ALGORITHM}, "odd": True},
            {"id": "2", "position": {"x": 3, "y": 4}, "data": {"algorithm": ALGORITHM}},
        ],
        "edges": [{"id": "e", "source": "1", "target": "2"}],
        "viewport": {"x": 0, "y": 0, "zoom": 1},
    }
    user = ask("user")
    imported = user.fine(user("POST", "/import", {"format": "react-flow", "document": flow, "slug": "flow"}))
    assert imported["problems"] == []
    user.create(imported["document"])
    assert user.get("/graphs/flow/export", params={"to": "react-flow"}) == flow
    assert user.get("/graphs/flow/export")["slug"] == "flow"


def test_what_is_no_drawing_is_refused_with_its_problems(ask: Ask) -> None:
    user = ask("user")
    assert user("POST", "/graphs", {"document": {"slug": "No Slug"}}).json()["problems"][0]["where"] == "slug"
    bodies: list[Any] = [[], {"document": []}, {"document": drawing("a"), "more": 1}, {}]
    for body in bodies:
        refused = user("POST", "/graphs", body)
        assert (refused.status_code, refused.json()["error"]) == (422, "invalid")
        assert refused.json()["problems"]


@pytest.mark.parametrize(
    "text",
    [
        '{"document": {"slug": "a", "x": NaN}}',
        '{"document": {"slug": "a", "x": "\\ud800"}}',
        "[" * 50_000,
        "{",
    ],
    ids=["NaN", "half a character", "deep", "cut off"],
)
def test_what_is_no_json_is_refused(ask: Ask, text: str) -> None:
    for path in ("/graphs", "/validate"):
        headers = {"content-type": "application/json"}
        refused = ask("user")("POST", path, headers=headers, content=text.encode())
        assert (refused.status_code, refused.json()["error"]) == (422, "invalid")


def test_what_is_larger_than_a_document_can_be_is_refused_before_it_is_read(ask: Ask) -> None:
    large = b'{"document": {"slug": "a", "x": "' + b"x" * 16_000_000 + b'"}}'
    headers = {"content-type": "application/json"}
    announced = ask("user")("POST", "/graphs", headers=headers, content=large)
    streamed = ask("user")(
        "POST", "/graphs", headers=headers, content=iter([large[:9_000_000], large[9_000_000:]])
    )
    for refused in (announced, streamed):
        assert (refused.status_code, refused.json()["error"]) == (413, "too_large")


def test_a_secret_in_the_wrong_place_is_not_repeated(ask: Ask) -> None:
    key = "0x" + "ab" * 32
    document = drawing("one", defaults={"wallet": key})
    seen = ask("user")("POST", "/validate", {"document": document})
    assert [each["code"] for each in seen.json()["problems"]] == ["bad_connection"]
    assert key not in seen.text
    misplaced = ask("user")("POST", "/graphs", {"document": drawing("one"), "key": key})
    assert misplaced.status_code == 422
    assert key not in misplaced.text
