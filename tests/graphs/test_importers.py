# SPDX-License-Identifier: Apache-2.0
"""Drawings of other programs come in, and go out as they came or as they were edited."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import Graph, find_problems
from airflow_provider_deflow.graphs.drafts import DraftText
from airflow_provider_deflow.graphs.importers import FORMS, Imported, export_document, import_document
from tests.graphs.documents import DID, documents, drawn, json_values

DRAWINGS = Path(__file__).parent / "drawings"
URL = "https://node.example:8001"
OTHER_DID = "did:op:" + "f" * 64


def drawing(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DRAWINGS / f"{name}.json").read_text())
    return document


def text(document: Any) -> str:
    return json.dumps(document, sort_keys=True)


def imported(original: Any, form: str, **ocean_nodes: str) -> Imported:
    before = text(original)
    found = import_document(original, form, "test", ocean_nodes)
    assert text(original) == before, "importing changes nothing"
    return found


def saved(document: dict[str, Any]) -> dict[str, Any]:
    """As the store gives it back."""
    kept: dict[str, Any] = json.loads(DraftText.of(document).text)
    return kept


def experiment(*arrows: str, **data: Any) -> dict[str, Any]:
    """An experiment of the original DeFlow."""
    ids = dict.fromkeys(end for arrow in arrows for end in arrow.split())
    nodes = [
        {
            "id": node_id,
            "type": "input",
            "position": {"x": 0, "y": 0},
            "data": {"label": node_id, "ocean_node_address": URL, "algorithm_id": DID, **data},
        }
        for node_id in ids or "1"
    ]
    edges = [{"id": arrow.replace(" ", "-"), "source": arrow[0], "target": arrow[-1]} for arrow in arrows]
    return {"owner": "0x1", "name": "Test", "description": "d", "nodes": nodes, "edges": edges, "orders": []}


def flow(*arrows: str, **node: Any) -> dict[str, Any]:
    """A drawing by React Flow, of nodes with inline code."""
    ids = dict.fromkeys(end for arrow in arrows for end in arrow.split())
    data = {"label": "x", "algorithm": {"code": "print(1)"}}
    nodes = [{"id": i, "position": {"x": 1, "y": 2}, "data": dict(data), **node} for i in ids or "1"]
    edges = [{"id": arrow, "source": arrow.split()[0], "target": arrow.split()[1]} for arrow in arrows]
    return {"nodes": nodes, "edges": edges, "viewport": {"x": 0, "y": 0, "zoom": 1}}


def remarks(found: Any) -> list[tuple[str, str]]:
    return [(remark.code, remark.where) for remark in found.remarks]


def problems(found: Imported) -> list[tuple[str, str]]:
    return [(problem.code, problem.where) for problem in found.problems]


# There and back


@pytest.mark.parametrize(("name", "form"), [("deflow-experiment", "deflow"), ("react-flow", "react-flow")])
def test_a_drawing_is_given_back_as_it_came_also_after_it_was_saved(name, form):
    original = drawing(name)
    found = imported(original, form)
    assert found.problems == ()
    for document in (
        found.document,
        saved(found.document),
        Graph.from_document(found.document).to_document(),
    ):
        exported = export_document(document, form)
        assert text(exported.document) == text(original)
        assert exported.remarks == ()


scraps = json_values | st.sampled_from(
    ["", "a b", "results", 1, 1.0, True, DID, [DID], URL, "http://u:p@h/", "ftp://x", "\n", {"did": DID}]
)


def some_of(*keys: str, **others: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(keys, scraps) | others)


ids = st.sampled_from(["1", "2", "a b", "results", 1, 2, 2.0, None, "", ["x"]])
node_data = some_of(
    *("label", "ocean_node_address", "algorithm_id", "compute_env_id", "dataasset_id"),
    *("ocean_node", "datasets", "retries", "anything"),
    algorithm=st.sampled_from([{"did": DID}, {"code": "x"}]) | scraps,
)
boxes = some_of(
    *("position", "measured", "anything"),
    id=ids,
    type=st.sampled_from(["input", "", "group", "output", "compute", None, 5]),
    data=node_data | scraps,
)
arrows = some_of(
    "animated", id=ids, source=ids, target=ids, data=some_of("handover", "files", "anything") | scraps
)
anything_drawn = some_of(
    *("name", "description", "owner", "orders", "viewport", "anything"),
    nodes=st.lists(boxes | scraps, max_size=4) | scraps,
    edges=st.lists(arrows | scraps, max_size=5) | scraps,
)


@given(anything_drawn, st.sampled_from(list(FORMS)))
def test_whatever_is_drawn_is_given_back_as_it_came(original, form):
    found = imported(original, form)
    assert text(export_document(found.document, form).document) == text(original)
    # The problems are all that is wrong: without any, a Dag can be built.
    assert bool(find_problems(found.document)) <= bool(found.problems)
    exported = export_document(saved(found.document), form)
    assert text(exported.document) == text(original)
    assert exported.remarks == ()


def parts(document: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The nodes and edges of a graph, whatever their order."""
    graph = Graph.from_document(document).to_document()
    return sorted(map(text, graph["nodes"])), sorted(map(text, graph["edges"]))


def unvarying(document: dict[str, Any]) -> dict[str, Any]:
    """A document without the templates that need a parameter, which no other program has."""
    unvaried: dict[str, Any] = json.loads(text(document).replace("{{ params.did }}", "0" * 64))
    return unvaried


@given(documents())
def test_what_react_flow_gets_it_gives_back(document):
    document = unvarying(document)
    exported = export_document(document, "react-flow").document
    assert parts(imported(exported, "react-flow").document) == parts(document)


@given(documents(), documents(), st.data())
def test_what_was_edited_is_exported_and_what_has_no_place_stays(first, second, data):
    original = export_document(unvarying(first), "react-flow").document | {"anything": [1]}
    for item in (*original["nodes"], *original["edges"]):
        item["anything"] = item["id"]
    document = saved(imported(original, "react-flow").document)
    # Some nodes go, some get other data, others come, with an edge to each of them.
    left = data.draw(st.lists(st.sampled_from(document["nodes"]), unique_by=lambda node: node["id"]))
    other = unvarying(second)["nodes"]
    for node in left:
        if data.draw(st.booleans()):
            node["data"] = data.draw(st.sampled_from(other))["data"]
    new = [{**node, "id": f"new{number}"} for number, node in enumerate(other)]
    there = {node["id"] for node in left}
    document["nodes"] = [*left, *new]
    document["edges"] = [edge for edge in document["edges"] if {edge["source"], edge["target"]} <= there]
    for node in left[:1]:
        document["edges"] += [
            {"id": f"to {one['id']}", "source": node["id"], "target": one["id"], "data": {"handover": "url"}}
            for one in new
        ]

    exported = export_document(saved(document), "react-flow").document
    assert parts(imported(exported, "react-flow").document) == parts(document)
    assert exported["anything"] == [1]
    kept = {item["id"] for kind in ("nodes", "edges") for item in original[kind]}
    for item in (*exported["nodes"], *exported["edges"]):
        assert ("anything" in item) == (item["id"] in kept)


# The original DeFlow


def test_an_experiment_of_the_original_deflow_is_a_graph():
    found = imported(drawing("deflow-experiment"), "deflow")
    graph = Graph.from_document(found.document)
    assert (graph.name, graph.owner) == ("Disease prediction", "0x8ba1f109551bD432803012645Ac136ddd64DBA72")
    node = graph.nodes[0]
    assert (node.id, node.data.label, node.position.x) == ("1", "Data generation", 0)
    assert node.data.algorithm.model_dump() == {"did": "did:op:" + "1" * 64}
    assert [one.model_dump() for one in node.data.datasets] == [{"did": "did:op:" + "a" * 64}]
    assert node.data.environment == "0x1b0f2f5a7d1d8b6a3e2c9a10b7f5c2f1b0d1a4e6f7081920a1b2c3d4e5f60718-free"
    assert node.data.ocean_node == "ocean_node_node1_example_8001"
    assert [(edge.id, edge.task_id, edge.data.handover) for edge in graph.edges] == [
        ("1-2", "1__2", "url"),
        ("xy-edge__1-4", "1__4", "url"),
        ("xy-edge__3out-4in", "3__4", "url"),
        ("xy-edge__4-5", "4__5", "url"),
        ("4->2", "4__2", "url"),
        ("reactflow__edge-5-2", "5__2", "url"),
    ]
    assert remarks(found) == [
        (
            "ocean_node",
            ", ".join(f"nodes[{number}].data.ocean_node_address" for number in (0, 1, 4)),
        ),
        ("ocean_node", "nodes[2].data.ocean_node_address, nodes[3].data.ocean_node_address"),
    ]


def test_a_run_of_the_original_deflow_is_a_graph_too():
    run = experiment("1 2") | {"experiment_id": "671a", "state": "failed", "result": {"x": None}}
    del run["description"]
    found = imported(run, "deflow")
    assert found.problems == ()
    assert text(export_document(found.document, "deflow").document) == text(run)


def test_an_ocean_node_can_be_given_a_connection():
    found = imported(experiment("1 2"), "deflow", **{URL: "mine"})
    assert [node.data.ocean_node for node in Graph.from_document(found.document).nodes] == ["mine", "mine"]


def test_ocean_nodes_whose_urls_look_alike_stay_two():
    original = experiment("1 2")
    original["nodes"][1]["data"]["ocean_node_address"] = "https://node.example/8001"
    connections = [node["data"]["ocean_node"] for node in imported(original, "deflow").document["nodes"]]
    assert connections == ["ocean_node_node_example_8001", "ocean_node_node_example_8001_2"]


def test_a_login_in_an_ocean_nodes_url_is_not_said():
    found = imported(experiment(ocean_node_address="https://ann:s3cret@node.example/x?key=s3cret"), "deflow")
    assert found.document["nodes"][0]["data"]["ocean_node"] == "ocean_node_node_example_x"
    assert "s3cret" not in str(found.remarks)


def test_several_datasets_are_read_and_written_as_its_scheduler_takes_them():
    found = imported(experiment(dataasset_id=f"[{DID}, {OTHER_DID}]"), "deflow")
    data = found.document["nodes"][0]["data"]
    assert data["datasets"] == [{"did": DID}, {"did": OTHER_DID}]
    data["datasets"].append({"did": DID})
    exported = export_document(found.document, "deflow").document
    assert exported["nodes"][0]["data"]["dataasset_id"] == f"[{DID},{OTHER_DID},{DID}]"


def test_a_dataset_of_a_node_that_edges_come_to_is_given_too_and_that_is_said():
    found = imported(experiment("1 2", dataasset_id=DID), "deflow")
    assert found.problems == ()
    assert ("also_given", "nodes[1].data.dataasset_id") in remarks(found)
    assert ("also_given", "nodes[0].data.dataasset_id") not in remarks(found)


def test_all_problems_have_their_places_in_the_original():
    original = experiment("1 2", "2 1", "2 9", compute_env_id="two words")
    first, second = (node["data"] for node in original["nodes"][:2])
    first["algorithm_id"], first["dataasset_id"] = "", "did:op:12"
    second["algorithm_id"], second["ocean_node_address"] = 5, "node.example"
    original["nodes"][2] = None
    assert sorted(problems(imported(original, "deflow"))) == [
        ("bad_did", "nodes[0].data.dataasset_id"),
        ("bad_environment", "nodes[0].data.compute_env_id"),
        ("bad_environment", "nodes[1].data.compute_env_id"),
        ("bad_url", "nodes[1].data.ocean_node_address"),
        ("cycle", "2-1"),
        ("missing", "nodes[0].data.algorithm_id"),
        ("missing_end", "2-9"),
        ("wrong_type", "nodes[1].data.algorithm_id"),
        ("wrong_type", "nodes[2]"),
    ]


def test_two_nodes_with_one_id_as_it_gives_them_after_a_deletion_are_a_problem():
    original = experiment("1 2")
    original["nodes"].append(copy.deepcopy(original["nodes"][0]))
    assert problems(imported(original, "deflow")) == [("repeated_node", "1")]


def test_edits_go_where_the_original_has_them_and_all_else_stays():
    original = drawing("deflow-experiment")
    document = saved(imported(original, "deflow").document)
    document["name"] = "Other"
    node = document["nodes"][3]
    node["position"]["x"] = 7
    node["data"]["label"] = "Choice"
    node["data"]["algorithm"] = {"did": OTHER_DID}
    node["data"]["environment"] = None
    node["data"]["ocean_node"] = "ocean_node_node1_example_8001"

    expected = copy.deepcopy(original)
    expected["name"] = "Other"
    expected["nodes"][3]["position"]["x"] = 7
    del expected["nodes"][3]["data"]["compute_env_id"]
    expected["nodes"][3]["data"] |= {
        "label": "Choice",
        "algorithm_id": OTHER_DID,
        "ocean_node_address": "https://node1.example:8001",
    }
    exported = export_document(document, "deflow")
    assert exported.document == expected
    assert exported.remarks == ()


def test_nodes_and_edges_that_come_and_go_change_the_layers_and_the_kinds():
    original = drawing("deflow-experiment")
    document = saved(imported(original, "deflow").document)
    document["nodes"] = [node for node in document["nodes"] if node["id"] != "2"]
    document["nodes"].append({"id": "6", "data": {"label": "New", "algorithm": {"did": DID}}})
    document["edges"] = [edge for edge in document["edges"] if edge["target"] != "2"]
    document["edges"].append({"id": "1-3", "source": "1", "target": "3", "data": {"handover": "url"}})

    exported = export_document(document, "deflow", {URL: "ocean_node_default"})
    assert exported.remarks == ()
    nodes = exported.document["nodes"]
    assert [(node["id"], node["type"]) for node in nodes] == [
        ("1", "input"),
        ("3", ""),
        ("4", ""),
        ("5", "output"),
        ("6", "input"),
    ]
    assert nodes[0] == original["nodes"][0]
    assert nodes[-1]["data"] == {"label": "New", "ocean_node_address": URL, "algorithm_id": DID}
    assert exported.document["orders"] == [["1", "6"], ["3"], ["4"], ["5"]]
    assert exported.document["edges"] == [
        *original["edges"][1:4],
        {"id": "1-3", "source": "1", "target": "3"},
    ]


def test_what_the_original_deflow_cannot_say_is_said_and_left_out():
    document = drawn("a b", params={"x": {"default": 1}})
    document["nodes"][0]["data"] |= {"retries": 5, "datasets": [{"did": DID}, {"upload": "a", "name": "b"}]}
    document["edges"][0]["data"] = {"files": ["*.csv"]}
    exported = export_document(document, "deflow")
    assert [node["data"] for node in exported.document["nodes"]] == [{"dataasset_id": DID}, {}]
    assert remarks(exported) == [
        ("ocean_node", "a, b"),
        ("left_out", "a, b"),
        ("left_out", "a"),
        ("left_out", "a"),
        ("left_out", "a-b"),
        ("left_out", "params"),
    ]


def test_an_algorithm_that_was_taken_out_does_not_stay_behind():
    document = imported(experiment("1 2"), "deflow").document
    document["nodes"][0]["data"]["algorithm"] = {"code": "print(1)"}
    exported = export_document(document, "deflow")
    assert "algorithm_id" not in exported.document["nodes"][0]["data"]
    assert remarks(exported) == [("left_out", "1")]


# React Flow


def test_a_drawing_by_react_flow_is_a_graph():
    found = imported(drawing("react-flow"), "react-flow")
    graph = Graph.from_document(found.document)
    assert [(node.id, node.data.label) for node in graph.nodes] == [
        ("load_data", "Load data"),
        ("train", "Train"),
        ("results_2", "Report"),
    ]
    assert graph.nodes[1].data.compute_resources == {"cpu": 2, "ram": 4}
    assert [(edge.id, edge.task_id, edge.data.handover, edge.data.files) for edge in graph.edges] == [
        # What runs a published algorithm can take files by URL only.
        ("xy-edge__load datarows-train", "load_data__train", "url", ("*",)),
        ("e2", "train__results_2", "auto", ("model.bin",)),
    ]
    assert remarks(found) == [
        ("renamed", "nodes[0].id"),
        ("kept", "nodes[0].type"),
        ("kept", "nodes[0].data"),
        ("kept", "nodes[1]"),
        ("kept", "nodes[2], nodes[3]"),
        ("renamed", "nodes[3].id"),
        ("kept", "edges[1]"),
        ("kept", "edges[2]"),
        ("kept", "edges[2].data"),
    ]


def test_an_edited_drawing_keeps_its_own_ids_frames_and_second_edges():
    original = drawing("react-flow")
    document = saved(imported(original, "react-flow").document)
    document["nodes"][0]["data"]["label"] = "Read data"
    document["nodes"][2]["data"]["retries"] = 7
    document["nodes"].append({"id": "frame", "data": {"algorithm": {"did": DID}}})
    document["edges"][1]["target"] = "frame"

    expected = copy.deepcopy(original)
    expected["nodes"][0]["data"]["label"] = "Read data"
    expected["nodes"][3]["data"]["retries"] = 7
    # The frame has its id already.
    new = {"id": "frame_2", "type": "compute", "position": {"x": 0, "y": 0}}
    expected["nodes"].append({**new, "data": {"algorithm": {"did": DID}}})
    expected["edges"][2]["target"] = "frame_2"
    assert export_document(document, "react-flow").document == expected

    del document["edges"][0]
    assert [edge["id"] for edge in export_document(document, "react-flow").document["edges"]] == ["e2"]


def test_a_reconnected_edge_forgets_the_handle_of_the_other_node():
    original = flow("a b", "a c")
    original["edges"][0] |= {"sourceHandle": "out", "targetHandle": "in"}
    document = imported(original, "react-flow").document
    document["edges"][0]["source"] = "c"
    exported = export_document(document, "react-flow").document
    assert exported["edges"][0] == {"id": "a b", "source": "c", "target": "b", "targetHandle": "in"}


def test_ids_that_no_task_can_have_are_renamed_each_to_one_of_its_own():
    original = flow()
    wanted = ["a b", "a_b", "a/b", "é", "", "..", 7, "7"]
    original["nodes"] = [{**original["nodes"][0], "id": one} for one in wanted]
    original["edges"] = [{"id": "e", "source": 7, "target": "7"}]
    found = imported(original, "react-flow")
    assert found.problems == ()
    given_ids = [node["id"] for node in found.document["nodes"]]
    assert given_ids == ["a_b_2", "a_b", "a_b_3", "_", "node", ".._2", "7_2", "7"]
    assert found.document["edges"][0]["source"] == "7_2"
    found.document["edges"].append({"source": "a_b_3", "target": "_"})
    assert export_document(found.document, "react-flow").document["edges"][-1] == {
        "id": "a_b_3-_",
        "source": "a/b",
        "target": "é",
    }


def test_edges_without_an_id_of_their_own_get_one():
    original = flow("a b", "b c", "a c")
    del original["edges"][0]["id"]
    original["edges"][1]["id"] = original["edges"][2]["id"] = "e"
    found = imported(original, "react-flow")
    assert found.problems == ()
    assert [edge["id"] for edge in found.document["edges"]] == ["a-b", "e", "a-c"]
    assert remarks(found) == [("renamed", "edges[2].id")]


def test_problems_keep_their_places_when_something_before_them_is_no_part_of_the_graph():
    original = flow("a b", "b c")
    original["nodes"].insert(0, {"id": "frame", "type": "group"})
    original["nodes"][2]["data"]["retries"] = "3"
    original["nodes"][3]["data"]["algorithm"] = {"did": "x"}
    original["edges"].insert(0, dict(original["edges"][0]))
    original["edges"][2]["data"] = {"handover": "pigeon"}
    assert problems(imported(original, "react-flow")) == [
        ("wrong_type", "nodes[2].data.retries"),
        ("bad_did", "nodes[3].data.algorithm.did"),
        ("handover", "edges[2].data.handover"),
    ]


def test_a_renamed_node_is_named_as_in_the_original_in_problems():
    original = flow("a b")
    original["nodes"] += [{**original["nodes"][0], "id": "x y"}] * 2
    assert problems(imported(original, "react-flow")) == [("repeated_node", "x y")]


def test_labels_and_positions_that_do_not_fit_are_made_to():
    original = flow("a b", position=None)
    original["nodes"][0]["data"]["label"] = "two\nlines " + "x" * 300
    original["nodes"][1]["data"]["label"] = {"text": "rich"}
    found = imported(original, "react-flow")
    assert found.problems == ()
    labels = [node["data"]["label"] for node in found.document["nodes"]]
    assert labels == ["two lines " + "x" * 190, ""]
    assert remarks(found) == [
        ("placed", "nodes[0].position, nodes[1].position"),
        ("reworded", "nodes[0].data.label"),
        ("reworded", "nodes[1].data.label"),
    ]


def test_a_document_of_the_original_deflow_is_told_from_one_of_react_flow():
    found = imported(experiment("1 2"), "react-flow")
    assert ("other_form", "nodes[0].data, nodes[1].data") in remarks(found)
    assert problems(found) == [("missing", f"nodes[{number}].data.algorithm") for number in (0, 1)]


def test_a_graph_that_was_drawn_elsewhere_is_written_anew():
    document = imported(experiment("1 2"), "deflow").document
    exported = export_document(document, "react-flow")
    assert exported.document["viewport"] == {"x": 0, "y": 0, "zoom": 1}
    assert exported.document["edges"] == [
        {"id": "1-2", "source": "1", "target": "2", "data": {"handover": "url"}}
    ]
    assert remarks(exported) == [("origin", "origin"), ("left_out", "name, description, owner")]


def test_a_moved_node_forgets_where_react_flow_last_drew_it():
    original = flow(positionAbsolute={"x": 1, "y": 2})
    document = imported(original, "react-flow").document
    assert export_document(document, "react-flow").document == original
    document["nodes"][0]["position"] = {"x": 5, "y": 6}
    (node,) = export_document(document, "react-flow").document["nodes"]
    assert node == {"id": "1", "position": {"x": 5, "y": 6}, "data": original["nodes"][0]["data"]}


# What is no drawing


@pytest.mark.parametrize("original", [None, "x", 5, [experiment(), experiment()]])
def test_what_is_no_object_is_no_drawing(original):
    with pytest.raises(errors.InvalidGraph) as caught:
        import_document(original, "deflow", "test")
    (problem,) = caught.value.problems
    assert (problem.code, problem.where) == ("not_a_graph", "document")
    assert ("is a list of 2: import each by itself" in problem.message) == isinstance(original, list)


@pytest.mark.parametrize("form", FORMS)
def test_lists_that_are_none_are_problems(form):
    assert problems(imported({"nodes": {}, "edges": 5}, form)) == [
        ("wrong_type", "nodes"),
        ("wrong_type", "edges"),
    ]
    assert problems(imported({}, form)) == [("no_nodes", "nodes")]


@pytest.mark.parametrize("form", FORMS)
def test_what_json_cannot_hold_is_a_problem_of_the_whole(form):
    assert problems(imported(flow() | {"x": float("nan")}, form))[-1] == ("not_json", "document")


@pytest.mark.parametrize(
    "origin",
    [
        5,
        {"format": "other", "document": {}},
        {"format": "deflow"},
        {"format": "deflow", "document": []},
        {"format": ["deflow"], "document": {}},
        {"format": "deflow", "document": {}, "ocean_nodes": {"x": 5}},
        {"format": "deflow", "document": {"nodes": 5}, "ocean_nodes": "x"},
    ],
)
def test_any_origin_can_be_exported(origin):
    exported = export_document(drawn("a b") | {"origin": origin}, "deflow").document
    assert [node["id"] for node in exported["nodes"]] == ["a", "b"]
    assert [edge["source"] for edge in exported["edges"]] == ["a"]


@given(anything_drawn, scraps, st.sampled_from(list(FORMS)), st.booleans())
def test_any_draft_can_be_exported(draft, defaults, form, was_imported):
    document = draft | {"slug": "test", "defaults": defaults}
    if was_imported:
        document["origin"] = imported(drawing("react-flow"), "react-flow").document["origin"]
    exported = export_document(document, form).document
    assert {"nodes", "edges"} <= exported.keys()


@given(st.lists(st.sampled_from(["1 2", "2 3", "1 3", "4 3", "3 5", "5 6"]), unique=True), st.data())
def test_an_edited_experiment_is_read_again_as_it_was_edited(pairs, data):
    document = saved(imported(experiment("1 2", "2 3", "4 3") | {"_id": "671a"}, "deflow").document)
    dids = st.sampled_from([DID, OTHER_DID])
    wanted = dict.fromkeys(end for pair in pairs for end in pair.split()) or {"1": None}
    there = {node["id"]: node for node in document["nodes"]}
    document["nodes"] = [there.get(node_id, {"id": node_id, "data": {}}) for node_id in wanted]
    for node in document["nodes"]:
        node["position"] = {"x": data.draw(st.integers(0, 5)), "y": 0.5}
        node["data"] |= {
            "label": data.draw(st.sampled_from(["", "a", "b"])),
            "algorithm": {"did": data.draw(dids)},
            "datasets": [{"did": did} for did in data.draw(st.lists(dids, max_size=2))],
            "environment": data.draw(st.sampled_from([None, "e"])),
            "ocean_node": data.draw(st.sampled_from(["ocean_node_node_example_8001", "b"])),
        }
    document["edges"] = [
        {"id": pair, "source": pair[0], "target": pair[-1], "data": {"handover": "url"}} for pair in pairs
    ]

    exported = export_document(document, "deflow", {"https://b.example": "b"})
    assert exported.remarks == ()
    assert exported.document["_id"] == "671a"
    again = imported(exported.document, "deflow", **{"https://b.example": "b"})
    assert parts(again.document) == parts(document)
    layer_of = {one: number for number, layer in enumerate(exported.document["orders"]) for one in layer}
    if exported.document["orders"]:
        assert layer_of.keys() == wanted.keys()
        assert all(layer_of[pair[0]] < layer_of[pair[-1]] for pair in pairs)
