# SPDX-License-Identifier: Apache-2.0
"""Run from here, only this, up to here: counted on the Ocean Node, whatever the tasks say of themselves."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from airflow_provider_deflow.hooks.storage import content_store
from airflow_provider_deflow.ocean.client import OceanNode
from airflow_provider_deflow.signing import KeySigner
from tests import proxy
from tests.e2e import drawn
from tests.local_ocean_node.running import KEYS
from tests.operators.one_graph import run_graph
from tests.operators.one_task import WRITE, context, operator, run, written

pytestmark = pytest.mark.filterwarnings("ignore:.*outside of the Task Runner.*")

SIGNER = KeySigner(KEYS[0])
CHAIN = drawn.graph("chain", "abc", ["ab", "bc"])
BESIDE = drawn.graph("beside", "abcx", ["ab", "bc"])


def job_count(between: proxy.Proxy) -> int:
    return len(OceanNode(between.url, requests_per_minute=100_000).jobs_of(SIGNER.address))


def changed(document: dict[str, Any], node_id: str, code: str) -> dict[str, Any]:
    nodes = [
        {**node, "data": {**node["data"], "algorithm": drawn.algorithm(code)}}
        if node["id"] == node_id
        else node
        for node in document["nodes"]
    ]
    return {**document, "nodes": nodes}


def skipped(returned: dict[str, Any]) -> set[str]:
    return {task_id for task_id, value in returned.items() if value is None}


def test_from_a_node_it_and_what_follows_start_new_jobs_and_the_rest_is_reused(between: proxy.Proxy) -> None:
    first = run_graph(CHAIN, "run 1")

    again = run_graph(CHAIN, "run 2", {"from": ["b"]})

    assert job_count(between) == 3 + 2
    assert again["a"] == first["a"]
    assert again["b"]["job_id"] != first["b"]["job_id"]
    assert again["c"]["job_id"] != first["c"]["job_id"]
    assert written(again["c"]) == {"c.txt": drawn.told_by("c", ["ab", "bc"])}
    assert again["results"] is not None


def test_only_a_node_starts_one_job_and_what_follows_is_skipped(between: proxy.Proxy) -> None:
    first = run_graph(CHAIN, "run 1")

    again = run_graph(CHAIN, "run 2", {"only": ["b"]})

    assert job_count(between) == 3 + 1
    assert again["a"] == first["a"]
    assert written(again["b"]) == written(first["b"])
    assert skipped(again) == {"b__c", "c", "results"}


def test_up_to_a_node_what_leads_there_starts_jobs_and_the_rest_is_skipped(between: proxy.Proxy) -> None:
    returned = run_graph(BESIDE, "run 1", {"to": ["b"]})

    assert job_count(between) == 2
    assert written(returned["b"]) == {"b.txt": "b(a())"}
    assert skipped(returned) == {"b__c", "c", "x", "results"}


def test_what_was_run_up_to_a_node_is_reused_from_the_next_one_on(between: proxy.Proxy) -> None:
    first = run_graph(CHAIN, "run 1", {"to": ["b"]})

    between.passed.clear()
    again = run_graph(CHAIN, "run 2", {"from": ["c"]})

    assert job_count(between) == 3
    to_buckets = [request for request in between.passed if "persistentStorage" in request]
    assert len(to_buckets) == 3, (
        "which buckets there are, what is in ours, and b's file: nothing for the edge to b"
    )
    assert (again["a"], again["b"]) == (first["a"], first["b"])
    assert written(again["c"]) == {"c.txt": "c(b(a()))"}


def test_a_newer_revision_reuses_the_nodes_whose_code_and_inputs_did_not_change(between: proxy.Proxy) -> None:
    broken = changed(CHAIN, "c", "raise SystemExit('row 7 is empty')")
    with pytest.raises(AirflowFailException, match="row 7 is empty"):
        run_graph(broken, "run 1", revision=1)

    mended = run_graph(CHAIN, "run 2", {"from": ["c"]}, revision=2)

    assert job_count(between) == 2 + 1 + 1
    assert written(mended["c"]) == {"c.txt": "c(b(a()))"}


@pytest.mark.parametrize("gone", ["never there", "other code", "cleared from the storage"])
def test_a_node_that_nothing_is_kept_of_is_no_job_that_nobody_asked_for(
    between: proxy.Proxy, gone: str
) -> None:
    graph = CHAIN
    if gone != "never there":
        first = run_graph(CHAIN, "run 1", {"only": ["a"]})
    if gone == "other code":
        graph = changed(CHAIN, "a", "open('/data/outputs/a.txt', 'w').write('other')")
    if gone == "cleared from the storage":
        store = content_store()
        (file,) = store.outputs(first["a"]["outputs"]).files
        store.path(file.sha256).unlink()
    before = job_count(between)

    with pytest.raises(
        AirflowFailException, match=r"'a' is to be reused, but no outputs .* `deflow explain run 2 a` says"
    ):
        run_graph(graph, "run 2", {"from": ["b"]})

    assert job_count(between) == before


def test_a_run_that_asks_for_no_part_computes_every_node_and_its_outputs_are_the_next_to_be_reused(
    between: proxy.Proxy,
) -> None:
    pair = drawn.graph("pair", "ab", ["ab"])
    first = run_graph(pair, "run 1")
    second = run_graph(pair, "run 2", {"from": [], "only": [], "to": []})
    third = run_graph(pair, "run 3", {"from": ["b"]})

    assert job_count(between) == 2 + 2 + 1
    assert first["a"]["job_id"] != second["a"]["job_id"] == third["a"]["job_id"]


@pytest.mark.parametrize(
    ("conf", "said"),
    [
        ({"from": "b"}, "`from` in the conf of this run is 'b': write a list of node ids"),
        ({"to": [1]}, r"`to` in the conf of this run is \[1\]"),
        ({"only": ["z"]}, "`only` names 'z', which is no node of this graph. Its nodes are a, b, c"),
        ({"only": ["a"], "from": ["b"]}, "`only` says by itself what runs"),
        ({"from": ["b"], "to": ["a"]}, "no node lies from 'b' to 'a'"),
    ],
)
def test_what_cannot_be_meant_fails_before_anything_is_asked(
    between: proxy.Proxy, conf: dict[str, Any], said: str
) -> None:
    with pytest.raises(AirflowFailException, match=said):
        run_graph(CHAIN, "run 1", conf)
    assert between.passed == []


def test_in_a_dag_that_somebody_wrote_these_names_are_its_authors(between: proxy.Proxy) -> None:
    conf = {"from": "2026-01-01", "to": "2026-02-01"}

    assert written(run(operator(WRITE.format("x")), context(conf=conf))) == {"out.txt": "x"}
