# SPDX-License-Identifier: Apache-2.0
"""Every problem that a graph can have, each with its exact place; all of them at once; never an exception."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import Graph, find_problems
from tests.graphs.documents import DID, SHA256, SHAPES, documents, drawn, edge, json_values, node

FILE = {"type": "url", "url": "https://data.example/a.csv"}
NOT_CODE = {"file": FILE}
S3 = {"endpoint": "e", "bucket": "b", "objectKey": "o", "accessKeyId": "k", "secretAccessKey": "s"}


def places(document: object) -> list[tuple[str, str]]:
    return [(problem.code, problem.where) for problem in find_problems(document)]


def with_data(**data: Any) -> dict[str, Any]:
    return {"slug": "test", "nodes": [node("a", **data)]}


@pytest.mark.parametrize("document", SHAPES.values(), ids=SHAPES)
def test_any_directed_acyclic_graph_has_no_problem(document):
    assert find_problems(document) == []


@pytest.mark.parametrize(
    ("document", "code", "where"),
    [
        (None, "not_a_graph", "document"),
        ([], "not_a_graph", "document"),
        ("{}", "not_a_graph", "document"),
        ({"slug": "test"}, "no_nodes", "nodes"),
        ({"slug": "test", "nodes": []}, "no_nodes", "nodes"),
        ({"slug": "test", "nodes": None}, "wrong_type", "nodes"),
        ({"nodes": [node("a")]}, "missing", "slug"),
        (drawn(nodes="a", slug="A b"), "bad_slug", "slug"),
        (drawn(nodes="a", slug=""), "bad_slug", "slug"),
        (drawn(nodes="a", slug="ok\n"), "bad_slug", "slug"),
        (drawn(nodes="a", slug="../x"), "bad_slug", "slug"),
        (drawn(nodes="a", slug="a" * 101), "bad_slug", "slug"),
        (drawn(nodes="a", slug="upkeep"), "bad_slug", "slug"),
        (drawn(nodes="a", slug={"$ne": ""}), "wrong_type", "slug"),
        (drawn(nodes="a", colour="red"), "unknown_key", "colour"),
        (drawn(nodes="a", **{"odd key": 1}), "unknown_key", '["odd key"]'),
        (drawn(nodes="a", nodes_="x"), "unknown_key", "nodes_"),
        (drawn(nodes="a", name="two\nlines"), "bad_text", "name"),
        (drawn(nodes="a", name="x" * 201), "out_of_range", "name"),
        (drawn(nodes="a", tags=["x" * 101]), "bad_text", "tags[0]"),
        (drawn(nodes="a", tags="x"), "wrong_type", "tags"),
        (drawn(nodes="a", origin={"x": float("nan")}), "not_json", "origin"),
        (drawn(nodes="a", viewport={}, origin="\udc80"), "not_json", "origin"),
        (drawn(nodes="a", description="\udc80"), "bad_text", "description"),
    ],
)
def test_a_document_is_a_graph_with_known_keys(document, code, where):
    assert places(document) == [(code, where)]


@pytest.mark.parametrize(
    ("nodes", "code", "where"),
    [
        ([1], "wrong_type", "nodes[0]"),
        ([{"data": {"algorithm": {"did": DID}}}], "missing", "nodes[0].id"),
        ([node("a b")], "bad_node_id", "nodes[0].id"),
        ([node("a" * 101)], "bad_node_id", "nodes[0].id"),
        ([node("")], "bad_node_id", "nodes[0].id"),
        ([node("..")], "bad_node_id", "nodes[0].id"),
        ([node("a"), node("b"), node("a")], "repeated_node", "a"),
        ([node("results")], "reserved_node", "results"),
        ([node("a") | {"type": "python"}], "unknown_kind", "nodes[0].type"),
        ([{"id": "a", "type": "python", "data": {"callable": "x"}}], "unknown_kind", "nodes[0].type"),
        ([node("a") | {"parent": "x"}], "unknown_key", "nodes[0].parent"),
        ([node("a") | {"position": {"x": "1"}}], "wrong_type", "nodes[0].position.x"),
        ([node("a") | {"position": {"x": float("inf")}}], "out_of_range", "nodes[0].position.x"),
    ],
)
def test_a_node_has_an_id_of_its_own_and_a_known_kind(nodes, code, where):
    assert places({"slug": "test", "nodes": nodes}) == [(code, where)]


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        ({"algorithm": None}, "bad_algorithm", ""),
        ({"algorithm": {}}, "bad_algorithm", ""),
        ({"algorithm": {"did": DID, "code": "x"}}, "bad_algorithm", ""),
        ({"algorithm": {"did": "did:op:123"}}, "bad_did", ".did"),
        ({"algorithm": {"did": DID + "\n"}}, "bad_did", ".did"),
        ({"algorithm": {"did": 5}}, "wrong_type", ".did"),
        ({"algorithm": {"did": DID, "version": 1}}, "unknown_key", ".version"),
        ({"algorithm": {"code": " \n"}}, "bad_algorithm", ".code"),
        ({"algorithm": {"code": "x" * 95_001}}, "code_too_long", ".code"),
        ({"algorithm": {"code": "\n" * 50_000 + "x"}}, "code_too_long", ".code"),
        ({"algorithm": {"code": "x", "image": "python"}}, "bad_image", ".image"),
        ({"algorithm": {"code": "x", "image": "Python:3"}}, "bad_image", ".image"),
        ({"algorithm": {"code": "x", "image": "python@sha256:12"}}, "bad_image", ".image"),
        ({"algorithm": {"code": "x", "entrypoint": " "}}, "bad_algorithm", ".entrypoint"),
        ({"algorithm": {"file": {"type": "ipfs", "hash": "Qm"}, "image": "x"}}, "bad_image", ".image"),
        ({"algorithm": {"file": {"type": "gopher"}}}, "bad_file", ".file"),
    ],
)
def test_an_algorithm_is_a_did_or_code_or_a_file(data, code, where):
    assert places(with_data(**data)) == [(code, f"nodes[0].data.algorithm{where}")]


def test_a_node_without_an_algorithm_says_where_it_belongs():
    assert places({"slug": "test", "nodes": [{"id": "a"}, {"id": "b", "data": {}}]}) == [
        ("missing", "nodes[0].data.algorithm"),
        ("missing", "nodes[1].data.algorithm"),
    ]


def test_code_of_exactly_the_limit_is_taken():
    assert find_problems(with_data(algorithm={"code": "x" * 94_998})) == []


@pytest.mark.parametrize(
    ("file", "code", "where"),
    [
        (None, "bad_file", ""),
        ({}, "bad_file", ""),
        ({"type": ["url"]}, "bad_file", ""),
        ({"type": "url"}, "missing", ".url"),
        ({"type": "url", "url": "data.csv"}, "bad_url", ".url"),
        ({"type": "url", "url": "file:///etc/passwd"}, "bad_url", ".url"),
        ({"type": "url", "url": "https:///x"}, "bad_url", ".url"),
        ({"type": "url", "url": "https://x/a b"}, "bad_url", ".url"),
        ({**FILE, "method": "PUT"}, "bad_file", ".method"),
        ({**FILE, "headers": {"A": 1}}, "wrong_type", ".headers.A"),
        ({**FILE, "hash": "x"}, "unknown_key", ".hash"),
        ({"type": "ipfs"}, "missing", ".hash"),
        ({"type": "ipfs", "hash": ""}, "bad_file", ".hash"),
        ({"type": "arweave"}, "missing", ".transactionId"),
        ({"type": "ftp", "url": "https://x"}, "bad_url", ".url"),
        ({"type": "nodePersistentStorage", "bucketId": "b"}, "missing", ".fileName"),
        ({"type": "nodePersistentStorage", "fileName": "f"}, "missing", ".bucketId"),
        ({"type": "s3"}, "missing", ".s3Access"),
        ({"type": "s3", "s3Access": {**S3, "bucket": ""}}, "bad_file", ".s3Access.bucket"),
        ({"type": "s3", "s3Access": {**S3, "forcePathStyle": 1}}, "wrong_type", ".s3Access.forcePathStyle"),
        ({"type": "s3", "s3Access": {**S3, "acl": "x"}}, "unknown_key", ".s3Access.acl"),
    ],
)
def test_a_file_object_has_what_its_type_needs(file, code, where):
    assert places(with_data(datasets=[{"did": DID}, {"file": file}])) == [
        (code, f"nodes[0].data.datasets[1].file{where}")
    ]


@pytest.mark.parametrize(
    ("data", "code", "where"),
    [
        ({"datasets": {"did": DID}}, "wrong_type", "datasets"),
        ({"datasets": ["x"]}, "bad_dataset", "datasets[0]"),
        ({"datasets": [{"did": DID, "upload": SHA256}]}, "bad_dataset", "datasets[0]"),
        ({"datasets": [{"did": "x"}]}, "bad_did", "datasets[0].did"),
        ({"datasets": [{"upload": "ABC", "name": "x"}]}, "bad_upload", "datasets[0].upload"),
        ({"datasets": [{"upload": SHA256}]}, "missing", "datasets[0].name"),
        ({"datasets": [{"upload": SHA256, "name": "a/b"}]}, "bad_upload", "datasets[0].name"),
        ({"datasets": [{"upload": SHA256, "name": ".."}]}, "bad_upload", "datasets[0].name"),
        ({"ocean_node": "http://127.0.0.1:8001"}, "bad_connection", "ocean_node"),
        ({"wallet": "0x" + SHA256}, "bad_connection", "wallet"),
        ({"wallet": SHA256}, "bad_connection", "wallet"),
        ({"environment": ""}, "bad_environment", "environment"),
        ({"compute_resources": {"cpu": "1"}}, "wrong_type", "compute_resources.cpu"),
        ({"compute_resources": {"cpu": True}}, "wrong_type", "compute_resources.cpu"),
        ({"compute_resources": {"cpu": -1}}, "out_of_range", "compute_resources.cpu"),
        ({"compute_resources": {"cpu": float("nan")}}, "out_of_range", "compute_resources.cpu"),
        ({"compute_resources": {"c p u": 1}}, "bad_resource", 'compute_resources["c p u"]'),
        ({"max_duration_seconds": 0}, "out_of_range", "max_duration_seconds"),
        ({"max_duration_seconds": 10**9}, "out_of_range", "max_duration_seconds"),
        ({"max_duration_seconds": 10**400}, "out_of_range", "max_duration_seconds"),
        ({"max_duration_seconds": "60"}, "wrong_type", "max_duration_seconds"),
        ({"retries": -1}, "out_of_range", "retries"),
        ({"environment_variables": {"1A": "x"}}, "bad_variable", 'environment_variables["1A"]'),
        ({"environment_variables": {"A": 1}}, "wrong_type", "environment_variables.A"),
        ({"environment_variables": {"A": "\0"}}, "bad_text", "environment_variables.A"),
        ({"payment": {"mode": "credit"}}, "payment", "payment.mode"),
        ({"pool": ""}, "bad_text", "pool"),
        ({"cpu": 1}, "unknown_key", "cpu"),
    ],
)
def test_what_a_compute_job_asks_for_is_well_formed(data, code, where):
    assert places(with_data(**data)) == [(code, f"nodes[0].data.{where}")]


def test_a_paid_node_needs_a_budget_for_the_run():
    document = with_data(payment={"mode": "paid"})

    assert places(document) == [("no_budget", "budget.per_run")]
    assert places({**document, "budget": {"per_day": "5"}}) == [("no_budget", "budget.per_run")]
    assert places({**document, "budget": {"per_run": "0.25"}}) == []


def test_a_paid_node_takes_no_algorithm_by_file():
    file = {"file": {"type": "url", "url": "https://host.example/a.py"}, "image": "python:3.11"}
    document = with_data(payment={"mode": "paid"}, algorithm=file) | {"budget": {"per_run": "5"}}

    assert places(document) == [("payment", document["nodes"][0]["id"])]


def test_a_paid_node_takes_no_asset_since_nobody_orders_it():
    nodes = [node("a"), node("b", payment={"mode": "paid"}), node("c")]
    edges = [edge("a", "b", handover="asset"), edge("a", "c", handover="asset")]
    document = {"slug": "test", "nodes": nodes, "edges": edges, "budget": {"per_run": "5"}}

    assert places(document) == [("handover", "a-b")]


def test_a_budget_of_a_wrong_type_is_one_problem():
    document = with_data(payment={"mode": "paid"}) | {"budget": 5}

    assert [where for _, where in places(document)] == ["budget"]


def test_a_private_key_in_the_wrong_place_is_not_repeated():
    for document in (
        with_data(wallet="0x" + SHA256),
        with_data(environment_variables=SHA256),
        with_data(payment={"mode": SHA256}),
    ):
        assert SHA256 not in str(find_problems(document))


@pytest.mark.parametrize(
    ("edges", "code", "where"),
    [
        ([edge("a", "a")], "self_loop", "a-a"),
        ([edge("a", "b"), edge("a", "b") | {"id": "again"}], "second_edge", "again"),
        ([edge("a", "b"), edge("a", "b")], "second_edge", "a-b"),
        ([edge("a", "b") | {"id": "e"}, edge("a", "c") | {"id": "e"}], "repeated_edge", "e"),
        ([edge("a", "x")], "missing_end", "a-x"),
        ([edge("x", "a")], "missing_end", "x-a"),
        ([{"source": "a"}], "missing", "edges[0].target"),
        ([{"target": "a"}], "missing", "edges[0].source"),
        ([{"source": "a", "target": 5}], "wrong_type", "edges[0].target"),
        ([edge("a", "b") | {"id": 5}], "wrong_type", "edges[0].id"),
        ([edge("a", "b") | {"kind": "x"}], "unknown_key", "edges[0].kind"),
        ([edge("a", "b", handover="pigeon")], "handover", "edges[0].data.handover"),
        ([edge("a", "b", files=[])], "bad_files", "edges[0].data.files"),
        ([edge("a", "b", files=["/etc/passwd"])], "bad_files", "edges[0].data.files[0]"),
        ([edge("a", "b", files="*")], "wrong_type", "edges[0].data.files"),
        ([edge("b", "file", handover="bucket")], "handover", "b-file"),
        ([edge("b", "file")], "handover", "b-file"),
        ([edge("b", "did")], "handover", "b-did"),
        ([edge("b", "shell")], "handover", "b-shell"),
    ],
)
def test_an_edge_joins_two_nodes_once_in_a_way_the_consumer_can_take(edges, code, where):
    others = [
        node("file", algorithm=NOT_CODE),
        node("did", algorithm={"did": DID}),
        node("shell", algorithm={"code": "true", "entrypoint": "sh $ALGO"}),
    ]
    nodes = [node("a"), node("b"), node("c"), *others]
    assert places({"slug": "test", "nodes": nodes, "edges": edges}) == [(code, where)]


def test_an_edge_to_and_from_nowhere_has_two_problems():
    document = drawn(nodes="a") | {"edges": [edge("x", "y")]}
    assert places(document) == [("missing_end", "x-y"), ("missing_end", "x-y")]


def test_a_consumer_takes_files_by_url_or_when_it_says_that_it_reads_them():
    by_url = drawn("a b") | {"nodes": [node("a"), node("b", algorithm=NOT_CODE)]}
    by_url["edges"] = [edge("a", "b", handover="url")]
    reads = drawn("a b") | {
        "nodes": [node("a"), node("b", algorithm=NOT_CODE, environment_variables={"DEFLOW_INPUTS": ""})]
    }
    assert find_problems(by_url) == []
    assert find_problems(reads) == []


def test_an_impossible_handover_names_the_choices():
    document = drawn("a b") | {"nodes": [node("a"), node("b", algorithm=NOT_CODE)]}
    (problem,) = find_problems(document)
    assert "`url`" in problem.message
    assert "DEFLOW_INPUTS" in problem.message
    assert "or `asset`" in problem.message


@pytest.mark.parametrize(
    ("document", "where"),
    [
        (drawn("a b", nodes="a__b"), "a__b"),
        # a → b__c and a__b → c would both be the task a__b__c
        (drawn("a b__c", "a__b c"), "a__b-c"),
    ],
)
def test_no_two_tasks_have_one_id(document, where):
    assert places(document) == [("task_id_clash", where)]


def cycles(*arrows: str) -> list[tuple[str, set[str]]]:
    found = [problem for problem in find_problems(drawn(*arrows)) if problem.code == "cycle"]
    return sorted(
        (one.where, set(one.message.split("remove one of the edges ")[1].split(", "))) for one in found
    )


def test_a_cycle_is_at_the_edge_drawn_last_and_lists_its_edges():
    assert cycles("a b", "b a") == [("b-a", {"a-b", "b-a"})]
    assert cycles("x a", "a b", "b c", "c a", "c y") == [("c-a", {"a-b", "b-c", "c-a"})]
    assert cycles("c a", "a b", "b c") == [("b-c", {"a-b", "b-c", "c-a"})]


def test_every_cycle_that_another_does_not_open_is_found():
    assert cycles("a b", "b a", "c d", "d c", "b c") == [("b-a", {"a-b", "b-a"}), ("d-c", {"c-d", "d-c"})]
    assert cycles("a b", "b a", "a c", "c a") == [("b-a", {"a-b", "b-a"}), ("c-a", {"a-c", "c-a"})]


def test_a_diamond_before_a_cycle_is_no_part_of_it():
    assert cycles("s a", "s b", "a d", "b d", "d e", "e f", "f d") == [("f-d", {"d-e", "e-f", "f-d"})]


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("abcdef")), unique=True))
def test_there_is_a_cycle_exactly_when_no_order_respects_every_edge(pairs):
    pairs = [(a, b) for a, b in pairs if a != b]
    document = {
        "slug": "test",
        "nodes": [node(i) for i in "abcdef"],
        "edges": [edge(*pair) for pair in pairs],
    }
    found = [problem.message for problem in find_problems(document)]
    left = set("abcdef")
    while ready := {i for i in left if not any(b == i and a in left for a, b in pairs)}:
        left -= ready
    assert bool(found) == bool(left)
    # Without the edges that the problems name, nothing is left of any cycle.
    named = {name for message in found for name in message.split("the edges ")[1].split(", ")}
    rest = [(a, b) for a, b in pairs if f"{a}-{b}" not in named]
    assert find_problems(document | {"edges": [edge(*pair) for pair in rest]}) == []


@pytest.mark.parametrize(
    ("schedule", "where"),
    [
        ("61 * * * *", "schedule.cron"),
        ("* * * *", "schedule.cron"),
        ("0 0 0 * * *", "schedule.cron"),
        ("0 0 30 2 *", "schedule.cron"),
        ("R * * * *", "schedule.cron"),
        ("@fortnightly", "schedule.cron"),
        ("@once", "schedule.cron"),
        ("", "schedule.cron"),
        ({"cron": "{{ params.cron }}"}, "schedule.cron"),
        ({"timezone": "Europe/Atlantis"}, "schedule.timezone"),
        ({"timezone": "../../etc/passwd"}, "schedule.timezone"),
        ({"timezone": ""}, "schedule.timezone"),
        ({"start_date": "tomorrow"}, "schedule.start_date"),
        ({"start_date": "0001-01-01"}, "schedule.start_date"),
        ({"catchup": True}, "schedule"),
        ({"assets": ["airflow://x"]}, "schedule.assets[0]"),
        ({"assets": ["a b"]}, "schedule.assets[0]"),
        ({"assets": ["s3://user:secret@bucket/key"]}, "schedule.assets[0]"),
        ({"assets": ["http://[x"]}, "schedule.assets[0]"),
    ],
)
def test_a_schedule_is_one_that_airflow_can_follow(schedule, where):
    assert places(drawn(nodes="a", schedule=schedule)) == [("bad_schedule", where)]


@pytest.mark.parametrize(
    "schedule",
    [
        None,
        "@daily",
        "@quarterly",
        "0 6 * * 1-5",
        "*/15 8-18 * * MON",
        {"cron": "0 0 29 2 *", "timezone": "Asia/Kathmandu"},
        {"assets": ["s3://bucket/key", "x-any:thing", "my asset".replace(" ", "-")]},
        {"cron": "@hourly", "start_date": "2026-01-31T06:00:00+02:00", "catchup": True},
    ],
)
def test_a_good_schedule_is_no_problem(schedule):
    assert find_problems(drawn(nodes="a", schedule=schedule)) == []


@pytest.mark.parametrize(
    ("params", "code", "where"),
    [
        ({"a b": {"default": 1}}, "bad_parameter", 'params["a b"]'),
        ({"a": 1}, "wrong_type", "params.a"),
        ({"a": {"default": 1, "type": "number"}}, "unknown_key", "params.a.type"),
        ({"a": {"default": "x", "schema": {"type": "number"}}}, "bad_parameter", "params.a"),
        ({"a": {"default": 1, "schema": {"type": "nothing"}}}, "bad_parameter", "params.a"),
        ({"a": {"default": 1, "schema": {"pattern": "("}}}, "bad_parameter", "params.a"),
        ({"a": {"default": 1, "schema": {"$ref": "http://10.0.0.1/x"}}}, "bad_parameter", "params.a"),
        ({"a": {"default": 1, "schema": {"$ref": "#/$defs/none"}}}, "bad_parameter", "params.a"),
        ({"a": {"default": float("inf")}}, "not_json", "params.a.default"),
        ({"force_new": {"default": 1}}, "reserved_parameter", "params.force_new"),
        ({"from": {"default": 1}}, "reserved_parameter", "params.from"),
        ({"a": {}}, "no_default", "params.a"),
        ({"a": {"default": None}}, "no_default", "params.a"),
    ],
)
def test_a_parameter_has_a_default_that_fits_its_schema_when_the_graph_is_scheduled(params, code, where):
    assert places(drawn(nodes="a", params=params, schedule="@daily")) == [(code, where)]


def test_a_parameter_needs_no_default_when_only_people_start_runs():
    params = {"a": {"schema": {"type": "number"}}, "b": {}}
    assert find_problems(drawn(nodes="a", params=params)) == []


@pytest.mark.parametrize(
    ("budget", "code", "where"),
    [
        ({"per_run": 5}, "wrong_type", "budget.per_run"),
        ({"per_run": "-5"}, "bad_budget", "budget.per_run"),
        ({"per_day": "1e3"}, "bad_budget", "budget.per_day"),
        ({"per_day": "0." + "1" * 19}, "bad_budget", "budget.per_day"),
        ({"fee_token": "USDC"}, "bad_budget", "budget.fee_token"),
        ({"per_year": "5"}, "unknown_key", "budget.per_year"),
    ],
)
def test_a_budget_is_whole_tokens_as_text(budget, code, where):
    assert places(drawn(nodes="a", budget=budget)) == [(code, where)]


def test_a_name_that_nothing_fills_in_is_a_problem_where_text_may_vary():
    document = with_data(
        algorithm={"file": {"type": "url", "url": "https://x/{{ conn.secret }}"}},
        datasets=[
            {"did": "{{ params.missing }}"},
            {"upload": SHA256, "name": "{{ var.value.x }}.csv"},
            {"file": {"type": "url", "url": "{{ ds }}{{ macros }}"}},
        ],
        environment_variables={"A": "{{ params.there }} {{ ti }} {{ ti }}", "B": "{{ }}", "C": "{a} {{"},
    )
    document["params"] = {"there": {"default": 1}}
    assert places(document) == [
        ("unknown_name", "nodes[0].data.environment_variables.A"),
        ("unknown_name", "nodes[0].data.environment_variables.B"),
        ("unknown_name", "nodes[0].data.algorithm.file.url"),
        ("unknown_name", "nodes[0].data.datasets[0].did"),
        ("unknown_name", "nodes[0].data.datasets[1].name"),
        ("unknown_name", "nodes[0].data.datasets[2].file.url"),
    ]


def test_elsewhere_a_template_is_just_text():
    assert find_problems(drawn(nodes="a", name="{{ conn.x }}", description="{{ var }}")) == []
    assert find_problems(with_data(label="{{ ti }}", algorithm={"code": "print('{{ x }}')"})) == []


def test_all_problems_are_found_at_once_and_a_wrong_type_hides_no_cycle():
    document = {
        "slug": "Bad Slug",
        "colour": "red",
        "schedule": "61 * * * *",
        "params": {"p": {}},
        "nodes": [
            node("a", retries="many", environment_variables={"X": "{{ nope }}"}),
            node("b", algorithm={"did": "x"}),
            node("c"),
            7,
            node("c"),
        ],
        "edges": [edge("a", "b", handover="url"), edge("b", "a"), edge("c", "c"), edge("c", "z"), None],
    }
    assert places(document) == [
        ("bad_slug", "slug"),
        ("bad_schedule", "schedule.cron"),
        ("wrong_type", "nodes[0].data.retries"),
        ("bad_did", "nodes[1].data.algorithm.did"),
        ("wrong_type", "nodes[3]"),
        ("wrong_type", "edges[4]"),
        ("unknown_key", "colour"),
        ("repeated_node", "c"),
        ("self_loop", "c-c"),
        ("missing_end", "c-z"),
        ("cycle", "b-a"),
        ("no_default", "params.p"),
        ("unknown_name", "nodes[0].data.environment_variables.X"),
    ]


def test_an_invalid_graph_raises_with_all_problems():
    document = drawn("a b", "b a", slug="x y")
    with pytest.raises(errors.InvalidGraph, match=r"graph 'x y' has 2 problems") as raised:
        Graph.from_document(document)
    assert [problem.where for problem in raised.value.problems] == ["slug", "b-a"]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(st.characters()) | st.integers(), inner, max_size=4)
        ),
        max_leaves=15,
    )
)
def test_junk_is_a_problem_and_never_an_exception(junk):
    assert find_problems(junk)
    assert find_problems({"slug": junk, "nodes": junk, "edges": junk, "params": junk, "schedule": junk})
    assert all(problem.code for problem in find_problems(with_data(datasets=junk, algorithm=junk)))


@given(documents(), st.data())
def test_a_good_document_with_one_thing_replaced_is_judged_without_an_exception(document, data):
    spoiled = copy.deepcopy(document)
    target: Any = spoiled
    while True:
        keys = list(target) if isinstance(target, dict) else list(range(len(target)))
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if isinstance(target[key], dict | list) and target[key] and data.draw(st.booleans()):
            target = target[key]
            continue
        target[key] = data.draw(json_values | st.floats() | st.text(st.characters()))
        break
    problems = find_problems(spoiled)
    for problem in problems:
        json.dumps([problem.code, problem.where, problem.message]).encode()
        str(problem).encode()
    if not problems:
        assert Graph.from_document(spoiled)


def test_what_contains_itself_is_a_problem():
    loop: dict[str, Any] = drawn(nodes="a")
    loop["origin"] = loop
    deep: Any = None
    for _ in range(100_000):
        deep = [deep]
    assert places(loop) == [("not_json", "origin")]
    assert places(drawn(nodes="a", origin=deep)) == [("not_json", "origin")]
    assert find_problems(drawn(nodes="a", params={"p": {"default": 1, "schema": {"allOf": deep}}}))


@pytest.mark.parametrize("length", [1_000, 10_000])
def test_a_long_chain_closed_to_a_ring_is_one_cycle(length):
    arrows = [f"n{i} n{(i + 1) % length}" for i in range(length)]
    (problem,) = find_problems(drawn(*arrows))
    assert problem.where == f"n{length - 1}-n0"
