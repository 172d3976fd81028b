# SPDX-License-Identifier: Apache-2.0
"""Graphs become Dags: task counts, wiring, determinism, and nothing of a drawing that Airflow would run."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization
from hypothesis import given, settings
from hypothesis import strategies as st

from airflow_provider_deflow import errors
from airflow_provider_deflow.dag_factory import build_dag
from airflow_provider_deflow.graphs import find_problems
from airflow_provider_deflow.graphs.graph import Graph
from airflow_provider_deflow.operators.compute import OceanComputeOperator
from airflow_provider_deflow.operators.handover import HandoverOperator
from airflow_provider_deflow.operators.results import CollectResultsOperator

ALGORITHM = {"code": "print(1)", "image": "python:3.11", "entrypoint": "python3 $ALGO"}


def document(nodes: list[str], edges: list[tuple[str, str]], **more: Any) -> dict[str, Any]:
    return {
        "slug": "drawn",
        "nodes": [{"id": node, "data": {"algorithm": ALGORITHM}} for node in nodes],
        "edges": [{"source": source, "target": target} for source, target in edges],
        **more,
    }


def built(nodes: list[str], edges: list[tuple[str, str]], **more: Any) -> DAG:
    return build_dag(Graph.from_document(document(nodes, edges, **more)))


@st.composite
def acyclic(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str]]]:
    """Any directed acyclic graph: edges go from an earlier to a later node."""
    nodes = [f"n{number}" for number in range(draw(st.integers(1, 12)))]
    pairs = [(a, b) for index, a in enumerate(nodes) for b in nodes[index + 1 :]]
    return nodes, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


@given(acyclic())
@settings(max_examples=200, deadline=None)
def test_every_acyclic_graph_becomes_edges_plus_nodes_plus_one_tasks(
    drawn: tuple[list[str], list[tuple[str, str]]],
) -> None:
    nodes, edges = drawn

    dag = built(nodes, edges)

    assert len(dag.tasks) == len(edges) + len(nodes) + 1
    for source, target in edges:
        handover = dag.get_task(f"{source}__{target}")
        assert handover.upstream_task_ids == {source}
        assert handover.downstream_task_ids == {target}
    for node in nodes:
        assert dag.get_task(node).upstream_task_ids == {f"{s}__{t}" for s, t in edges if t == node}
    sinks = set(nodes) - {source for source, _ in edges}
    assert dag.get_task("results").upstream_task_ids == sinks


def test_tasks_are_the_three_operators() -> None:
    dag = built(["a", "b"], [("a", "b")])

    assert {task.task_id: type(task) for task in dag.tasks} == {
        "a": OceanComputeOperator,
        "a__b": HandoverOperator,
        "b": OceanComputeOperator,
        "results": CollectResultsOperator,
    }


def test_a_graph_with_problems_builds_no_dag() -> None:
    circle = document(["a", "b"], [("a", "b"), ("b", "a")])

    assert find_problems(circle)
    with pytest.raises(errors.InvalidGraph, match="graph 'drawn' has 1 problem"):
        Graph.from_document(circle)


def test_building_twice_gives_the_same_serialized_dag() -> None:
    """Airflow makes a new Dag version whenever the serialized form changes."""
    first, second = (built(["a", "b"], [("a", "b")], tags=["x"]) for _ in range(2))

    assert json.dumps(DagSerialization.to_dict(first)) == json.dumps(DagSerialization.to_dict(second))


def test_a_changed_algorithm_changes_the_serialized_dag() -> None:
    changed = document(["a"], [])
    changed["nodes"][0]["data"]["algorithm"] = {**ALGORITHM, "code": "print(2)"}

    before, after = built(["a"], []), build_dag(Graph.from_document(changed))

    assert DagSerialization.to_dict(before) != DagSerialization.to_dict(after)


def test_the_serialized_dag_holds_no_code() -> None:
    text = json.dumps(DagSerialization.to_dict(built(["a"], [])))

    assert "print(1)" not in text


def test_airflow_templates_in_a_drawing_stay_text() -> None:
    dag = built(["a"], [], description="{{ conn.ocean_wallet_default.password }}", name="{{ 1 + 1 }}")

    assert dag.get_task("a").template_fields == ()
    assert dag.dag_display_name == "{{ 1 + 1 }}"


def test_names_and_limits_of_a_node_reach_its_task() -> None:
    drawn = document(["a", "b"], [("a", "b")], defaults={"retries": 5})
    drawn["nodes"][1]["data"] |= {"retries": 1, "pool": "gpu", "queue": "far"}

    dag = build_dag(Graph.from_document(drawn))

    assert dag.get_task("a").retries == 5
    b = dag.get_task("b")
    assert (b.retries, b.pool, b.queue) == (1, "gpu", "far")


def test_a_cron_schedule_keeps_its_time_zone() -> None:
    dag = built(["a"], [], schedule={"cron": "0 6 * * *", "timezone": "Europe/Paris"})

    timetable = DagSerialization.to_dict(dag)["dag"]["timetable"]["__var"]
    assert timetable["expression"] == "0 6 * * *"
    assert timetable["timezone"] == "Europe/Paris"


def test_a_graph_can_wait_for_assets() -> None:
    dag = built(["a"], [], schedule={"assets": ["s3://bucket/key"]})

    assert [asset.uri for asset in dag.timetable.asset_condition.objects] == ["s3://bucket/key"]


def test_a_parameter_may_be_text() -> None:
    dag = built(["a"], [], params={"site": {"default": "{{ conn.x }}", "schema": {"type": "string"}}})

    assert dag.params.get_param("site").resolve() == "{{ conn.x }}"
    DagSerialization.to_dict(dag)


def test_results_are_tried_as_often_as_the_nodes() -> None:
    assert built(["a"], [], defaults={"retries": 4}).get_task("results").retries == 4


def test_a_run_may_ask_for_new_jobs_of_all_nodes_or_of_some() -> None:
    asked = built(["a", "b"], []).params.get_param("force_new")

    assert asked.resolve() is False
    assert asked.resolve(value=True) is True
    assert asked.resolve(value=["b"]) == ["b"]
    for wrong in ("yes", ["c"], 1):
        with pytest.raises(ParamValidationError):
            asked.resolve(value=wrong)


@pytest.mark.parametrize("option", ["from", "only", "to"])
def test_a_run_may_ask_for_a_part_of_the_graph(option: str) -> None:
    asked = built(["a", "b"], []).params.get_param(option)

    assert asked.resolve() == []
    assert asked.resolve(value=["b"]) == ["b"]
    for wrong in ("b", ["c"], True):
        with pytest.raises(ParamValidationError):
            asked.resolve(value=wrong)


def test_retries_wait_longer_each_time_but_not_without_end() -> None:
    for task in built(["a", "b"], [("a", "b")]).tasks:
        assert task.retry_exponential_backoff == 2
        assert task.max_retry_delay == timedelta(minutes=15)


def test_a_parameter_without_default_has_to_be_given() -> None:
    dag = built(["a"], [], params={"given": {"default": 0.5, "schema": {"type": "number"}}, "asked": {}})

    assert dag.params.get_param("given").resolve() == 0.5
    with pytest.raises(Exception, match="No value passed"):
        dag.params.get_param("asked").resolve()
