# SPDX-License-Identifier: Apache-2.0
"""Document ↔ Graph: nothing is lost, equal meaning is equal bytes, and the indexes know every edge."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from airflow_provider_deflow.graphs import Graph, find_problems
from airflow_provider_deflow.graphs.graph import is_inline_python, takes_bucket_files
from tests.graphs.documents import DID, SHA256, SHAPES, documents, drawn, node

EVERYTHING = {
    "slug": "disease-prediction",
    "name": "Disease prediction",
    "description": "Zwölf Boxkämpfer\nüber den Deich",
    "owner": "ann",
    "tags": ["health"],
    "schedule": {
        "cron": "0 6 * * 1-5",
        "assets": ["s3://bucket/key"],
        "timezone": "Europe/Paris",
        "start_date": "2026-01-31",
        "catchup": False,
    },
    "params": {"threshold": {"default": 0.5, "schema": {"type": "number"}}},
    "budget": {"per_run": "5", "per_day": None, "fee_token": "0x" + "aB" * 20},
    "defaults": {
        "ocean_node": "node_a",
        "wallet": "wallet_a",
        "max_duration_seconds": 600,
        "retries": 0,
    },
    "nodes": [
        {
            "id": "clean",
            "type": "compute",
            "position": {"x": 0, "y": -12.5},
            "data": {
                "label": "Clean",
                "ocean_node": None,
                "wallet": None,
                "environment": None,
                "compute_resources": {"cpu": 1, "ram": 0.5},
                "max_duration_seconds": None,
                "algorithm": {"did": DID},
                "environment_variables": {"THRESHOLD": "{{ params.threshold }}"},
                "datasets": [
                    {"did": DID},
                    {
                        "file": {
                            "type": "url",
                            "url": "https://x.example/{{ ds }}",
                            "method": "GET",
                            "headers": {},
                        }
                    },
                    {"file": {"type": "nodePersistentStorage", "bucketId": "b", "fileName": "f"}},
                    {"upload": SHA256, "name": "data.csv"},
                ],
                "payment": {"mode": "free"},
                "retries": None,
                "pool": None,
                "queue": None,
            },
        },
        {
            "id": "train",
            "type": "compute",
            "position": {"x": 200, "y": 0},
            "data": {
                "label": "",
                "ocean_node": "node_b",
                "wallet": "wallet_b",
                "environment": "0xabc-0xdef",
                "compute_resources": {},
                "max_duration_seconds": 60,
                "algorithm": {"code": "print(1)", "image": "python:3.11", "entrypoint": "python3 $ALGO"},
                "environment_variables": {},
                "datasets": [],
                "payment": {"mode": "free"},
                "retries": 5,
                "pool": "small",
                "queue": "far",
            },
        },
    ],
    "edges": [
        {
            "id": "clean-train",
            "source": "clean",
            "target": "train",
            "data": {"handover": "bucket", "files": ["*.csv"]},
        }
    ],
    "origin": {"format": "other", "what": [1, None, {"$where": "a.b"}]},
}


def test_a_whole_document_comes_back_as_it_was():
    assert Graph.from_document(EVERYTHING).to_document() == EVERYTHING


def test_a_document_survives_json():
    text = json.dumps(EVERYTHING)
    assert json.dumps(Graph.from_document(json.loads(text)).to_document()) == text


def test_only_slug_node_ids_algorithms_and_edge_ends_are_required():
    graph = Graph.from_document({"slug": "s", "nodes": [{"id": "a", "data": {"algorithm": {"did": DID}}}]})
    assert graph.to_document() == {
        "slug": "s",
        "name": "",
        "description": "",
        "owner": "",
        "tags": [],
        "schedule": {"cron": None, "assets": [], "timezone": "UTC", "start_date": None, "catchup": False},
        "params": {},
        "budget": {"per_run": None, "per_day": None, "fee_token": None},
        "defaults": {
            "ocean_node": "ocean_node_default",
            "wallet": "ocean_wallet_default",
            "max_duration_seconds": 3600,
            "retries": 2,
        },
        "nodes": [
            {
                "id": "a",
                "type": "compute",
                "position": {"x": 0, "y": 0},
                "data": {
                    "label": "",
                    "ocean_node": None,
                    "wallet": None,
                    "environment": None,
                    "compute_resources": {"cpu": 1, "ram": 1},
                    "max_duration_seconds": None,
                    "algorithm": {"did": DID},
                    "environment_variables": {},
                    "datasets": [],
                    "payment": {"mode": "free"},
                    "retries": None,
                    "pool": None,
                    "queue": None,
                },
            }
        ],
        "edges": [],
        "origin": None,
    }


def test_an_edge_and_an_algorithm_have_defaults_too():
    graph = Graph.from_document(drawn("a b"))
    assert graph.to_document()["edges"] == [
        {"id": "a-b", "source": "a", "target": "b", "data": {"handover": "auto", "files": ["*"]}}
    ]
    assert graph.to_document()["nodes"][0]["data"]["algorithm"] == {
        "code": "print(1)",
        "image": "python:3.12-slim",
        "entrypoint": "python $ALGO",
    }


@given(documents())
def test_every_good_document_makes_a_graph_that_gives_it_back(document):
    assert find_problems(document) == []
    before = copy.deepcopy(document)
    graph = Graph.from_document(document)
    assert document == before
    again = Graph.from_document(graph.to_document())
    assert again == graph
    assert again.to_document() == graph.to_document()
    assert find_problems(graph) == []
    assert json.loads(graph.canonical()) == graph.to_document()


@given(documents(), st.randoms())
def test_the_canonical_form_does_not_depend_on_how_the_document_was_written(document, random):
    def shuffled(value):
        if isinstance(value, dict):
            return {key: shuffled(value[key]) for key in random.sample(list(value), len(value))}
        return [shuffled(item) for item in value] if isinstance(value, list) else value

    graph = Graph.from_document(document)
    for other in (shuffled(document), json.loads(json.dumps(document)), graph.to_document()):
        assert Graph.from_document(other).canonical() == graph.canonical()
        assert Graph.from_document(other).sha256 == graph.sha256


def test_equal_meaning_is_equal_bytes():
    same = [
        drawn(nodes="a", schedule="@daily", budget={"per_run": "5"}),
        drawn(nodes="a", schedule={"cron": "@daily"}, budget={"per_run": "5.00", "per_day": None}),
        drawn(nodes="a", schedule={"timezone": "UTC", "cron": " @daily "}, budget={"per_run": "5.0"}),
    ]
    same[1]["nodes"][0]["position"] = {"x": 0.0, "y": -0.0}
    same[2]["nodes"][0]["data"]["compute_resources"] = {"ram": 1.0, "cpu": 1.0}
    assert len({Graph.from_document(document).canonical() for document in same}) == 1


def test_the_canonical_form_and_its_hash_are_the_same_for_ever():
    graph = Graph.from_document(EVERYTHING)
    assert graph.canonical().startswith(b'{"budget":{"fee_token":"0xaBaB')
    assert "Zwölf Boxkämpfer\\nüber den Deich".encode() in graph.canonical()
    assert graph.sha256 == "87b7feaed1b28ca921a66d657b37da2065d34dd589e3bef76113089f738f874c"


def test_moving_a_box_or_renaming_it_is_another_drawing():
    document = drawn(nodes="a")
    moved, renamed = copy.deepcopy(document), copy.deepcopy(document)
    moved["nodes"][0]["position"] = {"x": 1, "y": 0}
    renamed["nodes"][0]["data"]["label"] = "A"
    assert len({Graph.from_document(one).sha256 for one in (document, moved, renamed)}) == 3


def test_view_state_of_the_editor_is_dropped():
    plain = drawn("a b")
    seen = copy.deepcopy(plain)
    seen["viewport"] = {"x": 1, "y": 2, "zoom": 1.5}
    state = {"measured": {"width": 150}, "selected": True, "dragging": False, "width": 1, "height": 2}
    for one in (*seen["nodes"], *seen["edges"]):
        one |= {**state, "animated": True, "sourceHandle": None, "targetHandle": "in", "style": {}}
    assert Graph.from_document(seen) == Graph.from_document(plain)
    assert "viewport" in seen


def test_a_graph_cannot_be_changed():
    graph = Graph.from_document(drawn("a b"))
    with pytest.raises(ValidationError, match="frozen"):
        graph.slug = "other"
    with pytest.raises(ValidationError, match="frozen"):
        graph.nodes[0].data.label = "other"


def test_edges_are_found_by_their_ends():
    graph = Graph.from_document(SHAPES["diamond"] | {"slug": "diamond"})
    assert [one.id for one in graph.incoming("d")] == ["b-d", "c-d"]
    assert [one.id for one in graph.outgoing("a")] == ["a-b", "a-c"]
    assert graph.incoming("a") == ()
    assert graph.outgoing("d") == ()
    assert [one.id for one in graph.sinks] == ["d"]
    assert graph.edges[0].task_id == "a__b"
    assert graph.dag_id == "deflow_diamond"


def test_isolated_nodes_are_sinks():
    graph = Graph.from_document(SHAPES["isolated nodes"])
    assert [one.id for one in graph.sinks] == ["b", "c", "d"]


@pytest.mark.parametrize(
    ("algorithm", "variables", "python", "takes"),
    [
        ({"code": "x"}, {}, True, True),
        ({"code": "x", "entrypoint": "/usr/bin/python3.12 -u $ALGO"}, {}, True, True),
        ({"code": "x", "entrypoint": "node $ALGO"}, {}, False, False),
        ({"code": "x", "entrypoint": "node $ALGO"}, {"DEFLOW_INPUTS": ""}, False, True),
        ({"did": DID}, {}, False, False),
        ({"did": DID}, {"DEFLOW_INPUTS": ""}, False, True),
        ({"file": {"type": "ipfs", "hash": "Qm"}}, {}, False, False),
    ],
)
def test_who_takes_files_from_a_bucket(algorithm, variables, python, takes):
    document = {"slug": "s", "nodes": [node("a", algorithm=algorithm, environment_variables=variables)]}
    data = Graph.from_document(document).nodes[0].data
    assert is_inline_python(data) is python
    assert takes_bucket_files(data) is takes


def test_a_start_date_without_an_offset_is_meant_in_the_schedules_zone():
    def starts_at(**schedule):
        start = Graph.from_document(drawn(nodes="a", schedule=schedule)).schedule.starts_at
        return start and start.isoformat()

    assert starts_at() is None
    assert starts_at(start_date="2026-01-31") == "2026-01-31T00:00:00+00:00"
    assert starts_at(start_date="2026-07-01", timezone="Europe/Paris") == "2026-07-01T00:00:00+02:00"
    assert starts_at(start_date="2026-07-01T06:00:00Z", timezone="Asia/Tokyo") == "2026-07-01T06:00:00+00:00"


def test_drawing_a_graph_loads_neither_airflow_nor_mongodb():
    code = (
        "import sys; from airflow_provider_deflow import graphs; graphs.Graph; graphs.find_problems;"
        "print([m for m in ('airflow', 'pymongo', 'jsonschema', 'croniter') if m in sys.modules])"
    )
    assert subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout == ("[]\n")
