# SPDX-License-Identifier: Apache-2.0
"""The example's document: its shape, and that its sources can travel in it."""

from __future__ import annotations

import pytest

from airflow_provider_deflow.example import graph
from airflow_provider_deflow.graphs import Graph, find_problems

UPLOADS = {"hospital-a.csv": "a" * 64, "hospital-b.csv": "b" * 64}


def test_the_document_has_no_problems() -> None:
    assert find_problems(graph.document(UPLOADS)) == []


def test_two_sources_meet_in_the_selection_and_end_in_the_prediction() -> None:
    drawn = Graph.from_document(graph.document(UPLOADS))

    assert [node.id for node in drawn.nodes] == ["prepare-a", "prepare-b", "select-features", "predict"]
    assert [edge.task_id for edge in drawn.edges] == [
        "prepare-a__select-features",
        "prepare-b__select-features",
        "select-features__predict",
    ]
    assert drawn.dag_id == "deflow_disease-prediction"


def test_each_source_prepares_the_upload_of_its_own_hospital() -> None:
    nodes = graph.document(UPLOADS)["nodes"]

    assert [node["data"].get("datasets", []) for node in nodes] == [
        [{"upload": "a" * 64, "name": "hospital-a.csv"}],
        [{"upload": "b" * 64, "name": "hospital-b.csv"}],
        [],
        [],
    ]


def test_image_and_ocean_node_can_be_chosen() -> None:
    document = graph.document(UPLOADS, image="lab/sklearn:1", ocean_node="lab_node")

    assert document["defaults"]["ocean_node"] == "lab_node"
    assert {node["data"]["algorithm"]["image"] for node in document["nodes"]} == {"lab/sklearn:1"}


@pytest.mark.parametrize("index", range(4))
def test_lines_can_be_put_in_front_of_a_source_that_stays_small(index: int) -> None:
    code = graph.document(UPLOADS)["nodes"][index]["data"]["algorithm"]["code"]

    compile("import os\n" + code, "algorithm", "exec")
    assert len(code.encode()) < 20_000
