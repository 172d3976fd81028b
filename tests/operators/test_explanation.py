# SPDX-License-Identifier: Apache-2.0
"""What tasks leave in the ledger explains each node: real tasks, a local Ocean Node, a real MongoDB."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException
from pymongo.database import Database

from airflow_provider_deflow import errors, jobs
from airflow_provider_deflow.ledger import explanation, history
from airflow_provider_deflow.ledger.store import LedgerStore
from airflow_provider_deflow.stack import mongod as part
from tests import proxy
from tests.e2e import drawn
from tests.operators.one_graph import run_graph
from tests.operators.one_task import WRITE, Memory, context, operator, run
from tests.operators.test_partial_runs import BESIDE, CHAIN, changed

pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

Mongo = Database[dict[str, Any]]


@pytest.fixture(autouse=True)
def connected(
    between: proxy.Proxy, mongo_uri: str, mongo_database: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = json.loads(part.airflow_connection(mongo_uri))
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps({**connection, "schema": mongo_database.name}))


def explained(database: Mongo, run_id: str, node_id: str) -> dict[str, Any]:
    ledger = LedgerStore(database)
    found = ledger.run(run_id)
    runs = [one for one in ledger.runs(found["graph"]) if one["_id"] != found["_id"]]
    earlier = ledger.entries((one["_id"] for one in runs), explanation.OF_EARLIER, node_id)
    document = explanation.explained(found, ledger.entries([found["_id"]]), node_id, earlier, runs)
    assert json.loads(json.dumps(document)) == document, "it is JSON"
    return document


def state_of(database: Mongo, run_id: str) -> str:
    ledger = LedgerStore(database)
    found = ledger.run(run_id)
    return str(history.of_run(found, ledger.entries([found["_id"]]))["state"])


def test_in_a_partial_run_each_node_is_explained(mongo_database: Mongo) -> None:
    first = run_graph(CHAIN, "run 1")
    other = changed(CHAIN, "b", "open('/data/outputs/b.txt', 'w').write('other')")
    second = run_graph(other, "run 2", {"only": ["b"]}, revision=2)

    reused = explained(mongo_database, "run 2", "a")
    assert (reused["did"], reused["outputs_of"], reused["job_id"]) == (
        "was reused",
        "run 1",
        first["a"]["job_id"],
    )
    ran = explained(mongo_database, "run 2", "b")
    assert (ran["did"], ran["job_id"]) == ("ran", second["b"]["job_id"])
    assert (ran["compared_with"], ran["first_difference"]) == ("run 1", "algorithm.code")
    assert ran["why"][0] == "the run was asked for only 'b'"
    left_out = explained(mongo_database, "run 2", "c")
    assert (left_out["did"], left_out["try"]) == ("was skipped", None), "Airflow never began it"
    assert state_of(mongo_database, "run 2") == "succeeded"


def test_what_an_edge_brings_is_told_as_what_differs(mongo_database: Mongo) -> None:
    run_graph(BESIDE, "run 1", {"to": ["b"]})
    other = changed(BESIDE, "a", "open('/data/outputs/a.txt', 'w').write('other')")
    run_graph(other, "run 2", {"to": ["b"]})

    assert explained(mongo_database, "run 2", "a")["first_difference"] == "algorithm.code"
    assert explained(mongo_database, "run 2", "b")["first_difference"] == "inputs.a__b"
    beside = explained(mongo_database, "run 2", "x")
    assert (beside["did"], beside["try"]) == ("was skipped", 1), (
        "it stands on nothing: it began, and skipped itself"
    )
    assert state_of(mongo_database, "run 2") == "succeeded"


def test_a_run_of_its_own_computes_what_is_kept_and_says_how_to_reuse_it(mongo_database: Mongo) -> None:
    one = drawn.graph("one", "a")
    run_graph(one, "run 1")
    run_graph(one, "run 2")

    first, second = explained(mongo_database, "run 1", "a"), explained(mongo_database, "run 2", "a")

    assert first["why"][-1] == "the ledger knows no earlier run with outputs of it"
    assert (second["compared_with"], second["first_difference"]) == ("run 1", None)
    assert "run 1 has outputs of it for the same code and inputs" in second["why"][-1]


def test_a_node_that_could_not_be_reused_is_told_with_what_changed(mongo_database: Mongo) -> None:
    run_graph(CHAIN, "run 1", {"to": ["a"]})
    other = changed(CHAIN, "a", "open('/data/outputs/a.txt', 'w').write('other')")
    with pytest.raises(AirflowFailException):
        run_graph(other, "run 2", {"from": ["b"]})

    told = explained(mongo_database, "run 2", "a")
    assert told["did"] == "failed without a job"
    assert "'a' is to be reused, but no outputs are kept" in told["why"][1]
    assert (told["compared_with"], told["first_difference"]) == ("run 1", "algorithm.code")
    waiting = explained(mongo_database, "run 2", "b")
    assert (waiting["did"], waiting["why"][-1]) == (
        "has not begun",
        "what failed is a; nodes that began are a",
    )


def test_a_clear_that_reuses_is_told_from_one_on_a_newer_revision(mongo_database: Mongo) -> None:
    """Tries of one run: Airflow's state of a task outlives its clear."""
    memory = Memory()
    variables = {"environment_variables": {"SECRET": "s3cret"}}
    run(operator(WRITE.format("x"), **variables), context(memory, tries=(1, 2)))
    run(operator(WRITE.format("x"), **variables), context(memory, tries=(2, 3)))
    cleared = explained(mongo_database, "run 1", "train")

    run(
        operator(WRITE.format("x"), environment_variables={"SECRET": "b3tter"}), context(memory, tries=(3, 4))
    )
    renewed = explained(mongo_database, "run 1", "train")

    assert (cleared["did"], cleared["try"], cleared["outputs_of"]) == ("was reused", 2, "run 1")
    assert (renewed["did"], renewed["try"]) == ("ran", 3)
    assert (renewed["compared_with"], renewed["first_difference"]) == (
        "run 1",
        "environment_variables.SECRET",
    )
    assert renewed["why"][-1].startswith("try 2 of this run has outputs of it; ")
    entries = str(list(mongo_database["ledger_entries"].find()))
    assert "s3cret" not in entries
    assert "b3tter" not in entries


def test_a_retry_of_the_same_work_is_told_by_what_changed_before_it(
    mongo_database: Mongo, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = Memory()
    run(operator(WRITE.format("x")), context(memory, tries=(1, 2)))

    def cut_off(*_: object) -> None:
        raise errors.IncompleteDownload("half of it")

    with monkeypatch.context() as broken:
        broken.setattr(jobs, "fetch_outputs", cut_off)
        with pytest.raises(errors.IncompleteDownload):
            run(operator(WRITE.format("y")), context(memory, tries=(2, 4)))
    run(operator(WRITE.format("y")), context(memory, tries=(3, 4)))

    told = explained(mongo_database, "run 1", "train")
    assert (told["did"], told["try"]) == ("ran", 3)
    assert "reused job" in told["why"][0]
    assert told["first_difference"] == "algorithm.code"
    assert told["why"][-1].startswith("try 1 of this run has outputs of it; ")
