# SPDX-License-Identifier: Apache-2.0
"""Entries in a real MongoDB: kept once, in any order, and for as long as they are to be kept."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from pymongo.database import Database

from airflow_provider_deflow import errors
from airflow_provider_deflow.ledger import facts, history
from airflow_provider_deflow.ledger.entry import MAX_BYTES, Batch, Run
from airflow_provider_deflow.ledger.store import LedgerStore
from tests.ledger.entries import RUN, at, batch, began, ended, fact

Mongo = Database[dict[str, Any]]


def everything(database: Mongo) -> list[Any]:
    return [list(database[name].find().sort("_id")) for name in ("ledger_runs", "ledger_entries")]


def test_what_is_written_is_read_by_time(mongo_database: Mongo) -> None:
    store = LedgerStore(mongo_database)
    store.write(batch(ended(9), began(1)))

    (run,) = store.runs()
    first, second = store.entries([run["_id"]])
    assert (run["dag_id"], run["run_id"], run["graph"]) == ("deflow_prediction", RUN.run_id, "prediction")
    assert (run["revision"], run["first_at"], run["last_at"]) == (3, at(1), at(9))
    assert (first["kind"], first["at"], first["task_id"]) == (facts.BEGAN, at(1), "train")
    assert (second["kind"], second["what"]) == (facts.ENDED, {"how": "succeeded"})


def test_writing_again_in_any_order_changes_nothing(mongo_database: Mongo) -> None:
    parts = [
        batch(began(1)),
        batch(fact("job state", 3, key="j 40", job_id="j", status=40, text="Running")),
        # A revision that came later, and a place that did not know the graph.
        batch(ended(9), run=Run(RUN.dag_id, RUN.run_id, RUN.graph, 4)),
        batch(fact("request", 4, request="stop a job"), run=Run(RUN.dag_id, RUN.run_id)),
    ]
    expected = None
    for order in itertools.permutations(parts):
        for name in ("ledger_runs", "ledger_entries"):
            mongo_database[name].delete_many({})
        for part in (*order, *order):
            LedgerStore(mongo_database).write(part)

        assert expected in (None, everything(mongo_database))
        expected = everything(mongo_database)
    assert expected is not None
    assert (expected[0][0]["graph"], expected[0][0]["revision"], len(expected[1])) == ("prediction", 4, 4)


def test_a_state_is_kept_as_it_was_seen_first(mongo_database: Mongo) -> None:
    store = LedgerStore(mongo_database)
    store.write(batch(facts.state("j", 40, "Running", at(3))))
    store.write(batch(facts.state("j", 40, "Running", at(5)), try_number=2))

    (entry,) = store.entries([RUN.id])
    assert entry["at"] == at(3)


@pytest.mark.parametrize("earlier_days", [None, 365, 0])
def test_entries_and_runs_go_after_the_retention(mongo_database: Mongo, earlier_days: int | None) -> None:
    if earlier_days is not None:
        LedgerStore(mongo_database, retention_days=earlier_days).write(batch(began()))
    LedgerStore(mongo_database, retention_days=30).write(batch(began()))

    for collection, field in (("ledger_entries", "at"), ("ledger_runs", "last_at")):
        expiring = [
            (list(index["key"]), index["expireAfterSeconds"])
            for index in mongo_database[collection].list_indexes()
            if "expireAfterSeconds" in index
        ]
        assert expiring == [([field], 30 * 24 * 3600)]


def test_a_retention_of_none_keeps_for_ever(mongo_database: Mongo) -> None:
    LedgerStore(mongo_database, retention_days=30).write(batch(began()))
    LedgerStore(mongo_database, retention_days=0).write(batch(began()))

    indexes = [
        *mongo_database["ledger_entries"].list_indexes(),
        *mongo_database["ledger_runs"].list_indexes(),
    ]
    assert not any("expireAfterSeconds" in index for index in indexes)


def test_reading_a_run_and_listing_a_graphs_runs_use_an_index(mongo_database: Mongo) -> None:
    LedgerStore(mongo_database).write(batch(began()))

    of_run = mongo_database["ledger_entries"].find({"run": {"$in": [RUN.id]}}).sort([("at", 1), ("_id", 1)])
    of_graph = mongo_database["ledger_runs"].find({"graph": "prediction"}).sort("last_at", -1)
    for cursor in (of_run, of_graph):
        assert "COLLSCAN" not in str(cursor.explain()["queryPlanner"]["winningPlan"])


def test_an_entry_is_bounded_whatever_it_is_made_from(mongo_database: Mongo) -> None:
    huge = [[f"file-{number}-" + "x" * 5000, number, "a" * 64] for number in range(5000)]
    store = LedgerStore(mongo_database)
    store.write(
        batch(facts.outputs("j", "a" * 64, huge, "b" * 64), facts.log("j", "algorithmLog", ["ä" * 9000]))
    )

    sizes = mongo_database["ledger_entries"].aggregate([{"$project": {"size": {"$bsonSize": "$$ROOT"}}}])
    assert max(each["size"] for each in sizes) < 2 * MAX_BYTES
    outputs = next(each["what"] for each in store.entries([RUN.id], [facts.OUTPUTS]))
    assert (outputs["count"], outputs["bytes"]) == (5000, sum(range(5000)))


def test_all_nodes_of_a_large_graph_are_told(mongo_database: Mongo) -> None:
    names = [f"node-{number}" for number in range(500)]
    store = LedgerStore(mongo_database)
    store.write(batch(facts.inputs("a" * 64, [(name, "b" * 12) for name in names])))

    (told,) = store.entries([RUN.id], [facts.INPUTS])

    assert [name for name, _ in told["what"]["fields"]] == names


def test_an_unknown_run_is_told_with_what_there_is(mongo_database: Mongo) -> None:
    store = LedgerStore(mongo_database)
    with pytest.raises(errors.RunNotFound, match="has no run 'r', nor any other yet"):
        store.run("r")
    store.write(batch(began()))
    store.write(batch(began(), run=Run("deflow_other", RUN.run_id, "other")))

    with pytest.raises(errors.RunNotFound, match=rf"(?s)no run 'r'.*{RUN.run_id}  \(prediction\)"):
        store.run("r")
    with pytest.raises(errors.RunNotFound, match=r"of other, prediction\. Say which with --graph"):
        store.run(RUN.run_id)
    assert store.run(RUN.run_id, "other")["dag_id"] == "deflow_other"


def test_a_batch_is_the_same_after_it_was_a_document() -> None:
    one = batch(began(1), ended(2, "failed", error="JobFailed", message="äöü", fault="algorithm"))

    assert Batch.from_document(one.to_document()) == one


def test_a_run_as_one_document(mongo_database: Mongo) -> None:
    store = LedgerStore(mongo_database)
    lost, failed, good = batch(began(0)), batch(began(9, 2), try_number=2), batch(began(30, 3), try_number=3)
    failure = ended(20, "to be tried again", error="JobNotRun", message="no image", fault="ocean_node")
    for each in (lost, failed, good, batch(failure, try_number=2), batch(ended(40), try_number=3)):
        store.write(each)
    store.write(batch(began(41, role="edge"), fact(facts.HANDOVER, 42, bytes=5), ended(42), task="train__x"))

    document = history.of_run(store.run(RUN.run_id), store.entries([RUN.id]))

    (node,), (edge,) = document["nodes"], document["edges"]
    assert [one["state"] for one in node["tries"]] == ["lost", "to be tried again", "succeeded"]
    assert node["tries"][1]["why"] == {"error": "JobNotRun", "fault": "ocean_node", "message": "no image"}
    assert (node["state"], edge["state"], edge["bytes"]) == ("succeeded", "succeeded", 5)
    assert (document["state"], document["results"]) == ("running", None)
    assert document["first_at"] == "2026-03-01T12:00:00.000+00:00"


def test_of_a_large_ledger_only_the_jobs_that_are_asked_for_are_looked_at(mongo_database: Mongo) -> None:
    """By what MongoDB itself counts."""
    store = LedgerStore(mongo_database)
    account = {"ocean_node": "http://node.example", "owner": "0x1"}
    for n in range(40):
        entries = (
            facts.intent(f"key {n}", account),
            fact(facts.JOB, n, job_id=f"job {n}", **account),
            fact(facts.OUTPUTS, n, job_id=f"job {n}", files=[["a.txt", 1, "b"]]),
        )
        store.write(batch(*entries, run=Run("deflow_prediction", f"run {n}")))
    mongo_database.command("profile", 2)

    about = store.entries_about("job_id", ["job 7", "job 9", "job of another"], [facts.JOB])
    (intent,) = store.entries_about("key", ["key 8"], [facts.INTENT])
    kept = store.jobs_with([facts.OUTPUTS], ["job 3", "job of another"])

    assert [one["run_id"] for one in about] == ["run 7", "run 9"]
    assert intent["run_id"] == "run 8"
    assert kept == {"job 3"}
    mongo_database.command("profile", 0)
    asked = mongo_database["system.profile"].find({"command.find": "ledger_entries"}).sort("ts", 1)
    assert [one["docsExamined"] for one in asked] == [2, 1, 0]
