# SPDX-License-Identifier: Apache-2.0
"""Drafts, revisions and the change counter on a real MongoDB, also with several writers at once."""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pymongo
import pytest
from hypothesis import HealthCheck, given, settings
from pymongo.database import Database

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import Graph, mongo
from airflow_provider_deflow.graphs.store import GraphStore
from tests import services
from tests.graphs.documents import documents, drawn, node

pytestmark = pytest.mark.stack


@pytest.fixture
def store(mongo_database: Database[dict[str, Any]]) -> GraphStore:
    return GraphStore(mongo_database)


def graph(slug: str = "test", code: str = "print(1)") -> dict[str, Any]:
    return {"slug": slug, "nodes": [node("a", algorithm={"code": code})]}


def put(store: GraphStore, slug: str, code: str = "print(1)"):
    """Save and publish, whatever was there."""
    try:
        based_on = store.draft(slug).version
    except errors.GraphNotFound:
        based_on = None
    draft = store.save(graph(slug, code), based_on=based_on, author="ann")
    return store.publish(slug, based_on=draft.version, author="ann")


def in_force(store: GraphStore, change: int | None = None) -> dict[str, int]:
    return {revision.slug: revision.number for revision in store.published_at(change)}


# Drafts


def test_an_empty_store_has_nothing(store):
    assert store.list() == []
    assert store.change() == 0
    assert store.published_at() == []
    assert store.published_list_at() == []
    assert store.history("test") == []
    with pytest.raises(errors.GraphNotFound, match="there is no graph 'test'"):
        store.draft("test")
    with pytest.raises(errors.GraphNotFound, match="there is no graph 'test'"):
        store.revision("test")


def test_a_saved_draft_comes_back_in_full_with_who_and_when(store):
    before = datetime.now(UTC) - timedelta(seconds=1)
    saved = store.save(graph(), based_on=None, author="ann", message="first")
    assert saved == store.draft("test")
    assert saved.document == Graph.from_document(graph()).to_document()
    assert saved.sha256 == Graph.from_document(graph()).sha256
    assert (saved.slug, saved.version, saved.author, saved.message) == ("test", 1, "ann", "first")
    assert before < saved.saved_at <= datetime.now(UTC)
    assert saved.published is None


def test_each_save_is_the_next_version(store):
    store.save(graph(), based_on=None, author="ann")
    assert store.save(graph(code="print(2)"), based_on=1, author="bob").version == 2
    assert store.draft("test").document["nodes"][0]["data"]["algorithm"]["code"] == "print(2)"


def test_a_save_based_on_an_old_version_is_refused_and_says_who_and_when(store):
    store.save(graph(), based_on=None, author="ann")
    newest = store.save(graph(code="print(2)"), based_on=1, author="bob")
    when = f"{newest.saved_at:%Y-%m-%d %H:%M:%S}"
    with pytest.raises(
        errors.GraphChanged, match=rf"saved by bob at {when} UTC: it is at version 2, and yours"
    ):
        store.save(graph(code="print(3)"), based_on=1, author="ann")
    assert store.draft("test") == newest


def test_a_new_graph_does_not_take_the_place_of_another(store):
    store.save(graph(), based_on=None, author="ann")
    with pytest.raises(errors.GraphChanged, match=r"saved by ann at .* version 1, and yours is new"):
        store.save(graph(), based_on=None, author="bob")


def test_a_change_to_a_graph_that_is_not_there_is_refused(store):
    with pytest.raises(errors.GraphNotFound, match="there is no graph 'test'"):
        store.save(graph(), based_on=1, author="ann")


def test_a_draft_may_be_unfinished_but_not_nameless(store):
    unfinished = {"slug": "test", "name": "Later", "nodes": [{"id": "a"}], "edges": [{"source": "a"}]}
    assert store.save(unfinished, based_on=None, author="ann").document == unfinished
    assert [listed.name for listed in store.list()] == ["Later"]
    for document in (None, [], {}, {"slug": "A b"}, {"slug": {"$ne": 1}}, {"slug": "x", "nodes": [{1, 2}]}):
        with pytest.raises(errors.InvalidGraph):
            store.save(document, based_on=None, author="ann")


def test_a_document_too_large_for_mongodb_is_refused_with_the_limit(store):
    with pytest.raises(errors.InvalidGraph, match=r"is larger than 15 MB.*\[too_large\]"):
        store.save(graph() | {"origin": "x" * 15_000_000}, based_on=None, author="ann")
    assert store.list() == []


def test_a_document_just_below_the_limit_is_kept(store):
    store.save(graph() | {"origin": "x" * 14_900_000}, based_on=None, author="ann")
    assert len(store.publish("test", based_on=1, author="ann").document["origin"]) == 14_900_000


@given(document=documents())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_good_document_is_kept_as_it_is(store, document):
    try:
        based_on = store.draft(document["slug"]).version
    except errors.GraphNotFound:
        based_on = None
    draft = store.save(document, based_on=based_on, author="ann")
    revision = store.publish(document["slug"], based_on=draft.version, author="ann")
    expected = Graph.from_document(document)
    assert Graph.from_document(store.revision(document["slug"]).document) == expected
    assert revision.sha256 == expected.sha256


# Text that MongoDB could read as its own language


@pytest.mark.parametrize("slug", [{"$ne": None}, {"$gt": ""}, "$where", "", "a\0b", "\udc80", "../x", None])
def test_a_slug_never_becomes_a_query(store, slug):
    put(store, "test")
    for read in (store.draft, store.revision, lambda slug: store.delete(slug, "mallory")):
        with pytest.raises(errors.GraphNotFound):
            read(slug)
    assert store.history(slug) == []
    assert in_force(store) == {"test": 1}


def test_keys_of_mongodbs_language_are_kept_as_text(store):
    origin = {"$set": {"a.b": 1}, "$where": "sleep(1e9)", "": {"\0": "x"}, "__proto__": None}
    store.save(graph() | {"origin": origin}, based_on=None, author="$author", message="{$inc: 1}")
    revision = store.publish("test", based_on=1, author="$$ROOT", message="$version")
    assert revision == store.revision("test")
    assert store.revision("test").document["origin"] == origin
    assert (revision.author, revision.message) == ("$$ROOT", "$version")


def test_a_version_or_number_is_a_number(store):
    put(store, "test")
    with pytest.raises(TypeError):
        store.save(graph(code="x"), based_on={"$gt": 0}, author="mallory")
    with pytest.raises(TypeError):
        store.revision("test", {"$gt": 0})
    with pytest.raises(errors.GraphNotFound, match="has no revision"):
        store.revision("test", 10**30)


# Publishing


def test_publishing_makes_numbered_revisions_that_stay_as_they_are(store):
    first = put(store, "test", "print(1)")
    second = put(store, "test", "print(2)")
    assert (first.number, first.change, second.number, second.change) == (1, 1, 2, 2)
    assert store.revision("test", 1) == first
    assert store.revision("test", 2) == second
    assert store.revision("test") == second
    assert [(one.number, one.sha256) for one in store.history("test")] == [
        (2, second.sha256),
        (1, first.sha256),
    ]


def test_a_draft_is_not_published_until_somebody_publishes_it(store):
    put(store, "test", "print(1)")
    store.save(graph(code="print(2)"), based_on=1, author="ann")
    assert store.revision("test").document["nodes"][0]["data"]["algorithm"]["code"] == "print(1)"
    (listed,) = store.list()
    assert (listed.version, listed.published, listed.has_unpublished_changes) == (2, 1, True)
    store.publish("test", based_on=2, author="ann")
    (listed,) = store.list()
    assert (listed.published, listed.has_unpublished_changes) == (2, False)


def test_publishing_what_is_published_gives_the_revision_there_is(store):
    first = put(store, "test")
    assert store.publish("test", based_on=1, author="bob") == first
    # The same graph written in another way.
    same = graph() | {"edges": [], "tags": [], "schedule": None}
    store.save(same, based_on=1, author="bob")
    assert store.publish("test", based_on=2, author="bob") == first
    assert store.change() == 1


def test_going_back_to_an_older_state_is_a_new_revision(store):
    first = put(store, "test", "print(1)")
    put(store, "test", "print(2)")
    third = put(store, "test", "print(1)")
    assert (third.number, third.sha256) == (3, first.sha256)


def test_another_draft_than_was_seen_is_not_published(store):
    store.save(graph(), based_on=None, author="ann")
    store.save(graph(code="print(2)"), based_on=1, author="bob")
    with pytest.raises(errors.GraphChanged, match="saved by bob"):
        store.publish("test", based_on=1, author="ann")
    assert store.publish("test", based_on=None, author="ann").number == 1


def test_a_graph_with_problems_is_published_by_force_only(store):
    store.save(drawn("a b", "b a"), based_on=None, author="ann")
    with pytest.raises(errors.InvalidGraph, match="closes a cycle"):
        store.publish("test", based_on=1, author="ann")
    assert store.change() == 0
    assert store.publish("test", based_on=1, author="ann", force=True).document == drawn("a b", "b a")


# Deleting


def test_a_deleted_graph_is_gone_but_its_revisions_stay_readable(store):
    first = put(store, "test")
    store.delete("test", "bob")
    assert store.list() == []
    assert store.published_at() == []
    assert store.revision("test", 1) == first
    assert [one.number for one in store.history("test")] == [1]
    for gone in (store.draft, store.revision, lambda slug: store.delete(slug, "ann")):
        with pytest.raises(errors.GraphNotFound, match="was deleted by bob at"):
            gone("test")
    with pytest.raises(errors.GraphNotFound):
        store.publish("test", based_on=None, author="ann")


def test_a_change_based_on_what_was_deleted_is_refused(store):
    put(store, "test")
    store.delete("test", "bob")
    with pytest.raises(errors.GraphChanged, match="deleted by bob"):
        store.save(graph(code="print(2)"), based_on=1, author="ann")


def test_a_graph_drawn_again_after_its_deletion_goes_on_numbering(store):
    put(store, "test")
    store.delete("test", "bob")
    again = store.save(graph(), based_on=None, author="ann")
    assert again.version == 3
    assert again.published is None
    assert store.published_at() == []
    assert store.publish("test", based_on=3, author="ann").number == 2
    assert [one.number for one in store.history("test")] == [2, 1]


# The change counter


def test_every_past_change_can_be_read_again(store):
    put(store, "a")
    put(store, "b")
    put(store, "a", "print(2)")
    store.delete("b", "ann")
    put(store, "b", "print(3)")
    states = [{}, {"a": 1}, {"a": 1, "b": 1}, {"a": 2, "b": 1}, {"a": 2}, {"a": 2, "b": 2}]
    assert [in_force(store, change) for change in range(6)] == states
    assert store.change() == 5
    assert in_force(store) == states[5]
    assert in_force(store, 10**30) == states[5]
    assert in_force(store, -1) == {}
    first = store.published_at(1)[0]
    assert first.document == Graph.from_document(graph("a")).to_document()
    for change in range(6):
        short = [(one.slug, one.number, one.sha256) for one in store.published_list_at(change)]
        assert short == [(one.slug, one.number, one.sha256) for one in store.published_at(change)]


def test_the_state_at_a_change_is_read_by_an_index(store, mongo_database):
    put(store, "a")
    plan = mongo_database["graph_revisions"].find({"until": {"$gt": 1}, "change": {"$lte": 1}}).explain()
    assert plan["queryPlanner"]["winningPlan"]["inputStage"]["indexName"] == "until_1_change_1"


def at_once(count: int, work: Callable[[int], Any]) -> list[Any]:
    """What `work(0)` … `work(count - 1)` returned or raised, all begun at the same moment."""
    ready = threading.Barrier(count)

    def run(number: int) -> Any:
        ready.wait()
        try:
            return work(number)
        except errors.DeflowError as error:
            return error

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(run, range(count)))


def test_of_people_who_save_at_once_one_wins_and_the_others_are_told(store):
    store.save(graph(), based_on=None, author="ann")
    results = at_once(8, lambda i: store.save(graph(code=f"print({i})"), based_on=1, author=f"p{i}"))
    (winner,) = [one for one in results if not isinstance(one, Exception)]
    assert store.draft("test") == winner
    refusals = [one for one in results if isinstance(one, errors.GraphChanged)]
    assert len(refusals) == 7
    assert all(f"saved by {winner.author}" in str(one) for one in refusals)


def test_of_people_who_make_the_same_new_graph_at_once_one_wins(store):
    results = at_once(8, lambda i: store.save(graph(), based_on=None, author=f"p{i}"))
    assert sum(not isinstance(one, Exception) for one in results) == 1


def test_one_draft_published_by_many_at_once_is_one_revision(store):
    store.save(graph(), based_on=None, author="ann")
    results = at_once(4, lambda i: store.publish("test", based_on=1, author=f"p{i}"))
    assert {(one.number, one.change, one.author) for one in results} == {(1, 1, results[0].author)}
    assert store.change() == 1


def test_changes_from_four_writers_are_gapless_and_each_is_seen_whole(store):
    seen: list[int] = []
    over = threading.Event()

    def watch() -> None:
        while not over.is_set():
            change = store.change()
            seen.append(change)
            # As many revisions as the counter says, no more, no less, however busy the writers are.
            assert sum(in_force(store, change).values()) == change

    def write(writer: int) -> list[int]:
        return [put(store, f"graph-{writer}", f"print({i})").change for i in range(10)]

    with ThreadPoolExecutor(1) as watcher:
        watching = watcher.submit(watch)
        results = at_once(4, write)
        over.set()
        watching.result()
    assert [one == sorted(one) for one in results] == [True] * 4
    assert sorted(change for one in results for change in one) == list(range(1, 41))
    assert seen == sorted(seen)
    assert in_force(store) == {f"graph-{i}": 10 for i in range(4)}


# A MongoDB that is away, or not ours


def test_a_mongodb_that_dies_is_reported_in_bounded_time_and_found_again_when_it_is_back(tmp_path: Path):
    with (
        services.mongod(tmp_path) as server,
        # Closing a client looks for its server once more.
        pymongo.MongoClient(server.uri, serverSelectionTimeoutMS=500) as client,
    ):
        store = GraphStore(client["deflow"], timeout_seconds=2)
        put(store, "test")
        server.process.kill()
        server.process.wait()
        for call in (
            store.change,
            store.list,
            lambda: store.draft("test"),
            lambda: store.save(graph(code="print(2)"), based_on=1, author="ann"),
            lambda: store.publish("test", based_on=1, author="ann"),
        ):
            began = time.monotonic()
            with pytest.raises(errors.StoreUnreachable, match=r"MongoDB at 127\.0\.0\.1:\d+ does not answer"):
                call()
            # Not pymongo's own 30 s: a parse and a refresh wait for this.
            assert time.monotonic() - began < 15
        with services.mongod(tmp_path) as again, pymongo.MongoClient(again.uri) as client:
            assert in_force(GraphStore(client["deflow"])) == {"test": 1}


def test_writes_outlast_a_primary_that_steps_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Each change is made once, by MongoDB's own rules for retries; a URI as for any replica set."""
    # However long a busy machine takes to elect its only member.
    monkeypatch.setattr(mongo, "SELECTION_TIMEOUT_SECONDS", 60)
    with services.mongod(tmp_path) as server:
        uri = server.uri.replace("directConnection=true", "replicaSet=deflow")
        with pymongo.MongoClient(uri) as client, pymongo.MongoClient(server.uri) as admin:
            store = GraphStore(client["deflow"], timeout_seconds=60)
            put(store, "test", "print(0)")
            for number in range(1, 4):
                admin.admin.command("replSetStepDown", 1, secondaryCatchUpPeriodSecs=0, force=True)
                assert not admin.admin.command("hello")["isWritablePrimary"]
                put(store, "test", f"print({number})")

            assert store.change() == 4
            assert [one.number for one in store.history("test")] == [4, 3, 2, 1]


def test_a_freeze_is_reported_in_bounded_time(tmp_path: Path):
    with services.mongod(tmp_path) as server, pymongo.MongoClient(server.uri) as client:
        store = GraphStore(client["deflow"], timeout_seconds=4)
        put(store, "test")
        with server.frozen():
            for call in (store.change, store.published_at, lambda: put(store, "test", "print(2)")):
                began = time.monotonic()
                with pytest.raises(errors.StoreUnreachable, match="does not answer"):
                    call()
                assert time.monotonic() - began < 10
        put(store, "test", "print(3)")
        assert store.draft("test").document["nodes"][0]["data"]["algorithm"]["code"] == "print(3)"


def test_a_server_that_asks_for_a_login_is_told_by_the_name_of_its_connection(tmp_path: Path):
    key = tmp_path / "key"
    key.write_text("a" * 64)
    key.chmod(0o400)
    with services.mongod(tmp_path / "mongod") as server, pymongo.MongoClient(server.uri) as client:
        port = server.port
        client.admin.command("createUser", "ann", pwd="s3cret", roles=[{"role": "readWrite", "db": "deflow"}])
    with services.mongod(tmp_path / "mongod", "--keyFile", str(key), port=port) as server:
        for login, trouble in (({}, "Unauthorized"), ({"username": "ann", "password": "wr0ng"}, "Authent")):
            with pymongo.MongoClient(server.uri, **login, authSource="admin") as client:
                store = GraphStore(client["deflow"], known_as="connection 'my_mongo'")
                with pytest.raises(
                    errors.SettingsError, match=rf"\(connection 'my_mongo'\) refused: {trouble}"
                ) as raised:
                    store.change()
                assert "wr0ng" not in str(raised.value)
        with pymongo.MongoClient(server.uri, username="ann", password="s3cret", authSource="admin") as client:
            put(GraphStore(client["deflow"]), "test")


def test_a_password_is_in_no_message():
    uri = "mongodb://ann:s3cret@127.0.0.1:9/?directConnection=true"
    with (
        GraphStore.connected(uri) as store,
        pytest.raises(errors.StoreUnreachable, match=r"MongoDB at 127\.0\.0\.1:9 does not answer") as raised,
    ):
        store.change()
    assert "s3cret" not in str(raised.value)
    for bad in ("mongodb://ann:s3cret@:x/", "http://ann:s3cret@x", "mongodb://ann:s3c%ret@x/"):
        with pytest.raises(errors.SettingsError, match="the MongoDB URI cannot be used") as raised:
            GraphStore.connected(bad).__enter__()
        assert "s3c" not in str(raised.value)


def test_a_login_that_mongodb_refuses_is_a_setting_to_mend(mongo_uri):
    with pymongo.MongoClient(mongo_uri, username="nobody", password="s3cret") as client:
        store = GraphStore(client["deflow"])
        with pytest.raises(
            errors.SettingsError, match=r"refused: AuthenticationFailed\. Check its URI"
        ) as raised:
            store.change()
    assert "s3cret" not in str(raised.value)


def test_what_was_given_to_the_store_is_not_changed(store):
    document = graph()
    before = copy.deepcopy(document)
    store.save(document, based_on=None, author="ann")
    assert document == before
