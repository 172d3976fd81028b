# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a graph as a whole: its ids, its arrows, its cycles, its handovers, its parameters.

Works on the document as it came, taking only what has the right shape, so that a wrong type in one
node hides neither the cycle among the others nor anything else. Costs one pass over nodes and edges.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from airflow_provider_deflow.graphs import text, values
from airflow_provider_deflow.graphs.graph import INPUTS_VARIABLE, default_edge_id
from airflow_provider_deflow.graphs.problem import Problem, path

RESULTS = "results"
OWN_DAGS = ("publish", "upkeep")  # deflow_publish and deflow_upkeep are there without a graph
# What the conf of any run may ask for, beside the graph's own parameters.
RUN_OPTIONS = frozenset({"force_new", "from", "only", "to"})


@dataclass(slots=True)
class _Edge:
    id: str
    source: str
    target: str
    handover: str

    @property
    def task_id(self) -> str:
        return f"{self.source}__{self.target}"


@dataclass(slots=True)
class _Outline:
    """The well-formed part of a document."""

    node_ids: list[str] = field(default_factory=list)
    takes_bucket_files: dict[str, bool] = field(default_factory=dict)  # absent: cannot be told
    paid: dict[str, object] = field(default_factory=dict)  # paid nodes, with their algorithms
    edges: list[_Edge] = field(default_factory=list)
    texts: list[tuple[tuple[str | int, ...], str]] = field(default_factory=list)  # those with a template


def structural_problems(document: dict[str, Any]) -> Iterator[Problem]:
    """All problems that are about more than one value of `document`."""
    outline = _outline(document)
    if document.get("slug") in OWN_DAGS:
        yield Problem("bad_slug", "slug", "is the name of one of DeFlow's own Dags: choose another")
    if document.get("nodes", ()) in ([], ()):
        yield Problem("no_nodes", "nodes", "the graph has no node: add at least one")
    yield from _bad_node_ids(outline)
    yield from _bad_edges(outline)
    yield from _shared_task_ids(outline)
    yield from _cycles(outline)
    yield from _impossible_handovers(outline)
    yield from _unpayable(document, outline)
    yield from _bad_parameters(document, outline)


def _bad_node_ids(outline: _Outline) -> Iterator[Problem]:
    seen: set[str] = set()
    for node_id in outline.node_ids:
        if node_id in seen:
            yield Problem("repeated_node", node_id, "several nodes have this id: rename all but one")
        seen.add(node_id)
    if RESULTS in seen:
        yield Problem(
            "reserved_node", RESULTS, "this id belongs to the task that gathers the results: rename the node"
        )


def _bad_edges(outline: _Outline) -> Iterator[Problem]:
    nodes = set(outline.node_ids)
    ids: set[str] = set()
    pairs: dict[tuple[str, str], str] = {}
    for edge in outline.edges:
        if edge.source == edge.target:
            yield Problem("self_loop", edge.id, f"begins and ends at {edge.source!r}: remove it")
        first = pairs.get((edge.source, edge.target))
        pairs[edge.source, edge.target] = edge.id
        if first is not None:
            yield Problem(
                "second_edge",
                edge.id,
                f"is a second edge from {edge.source!r} to {edge.target!r} beside {first!r}: "
                "remove one, and list all files in the other",
            )
        elif edge.id in ids:
            yield Problem(
                "repeated_edge", edge.id, "several edges have this id: give each an `id` of its own"
            )
        ids.add(edge.id)
        for end, node_id in (("source", edge.source), ("target", edge.target)):
            if node_id not in nodes:
                yield Problem(
                    "missing_end",
                    edge.id,
                    f"its {end} {node_id!r} is no node of this graph: remove the edge, or add the node",
                )


def _shared_task_ids(outline: _Outline) -> Iterator[Problem]:
    nodes = set(outline.node_ids)
    owners: dict[str, _Edge] = {}
    for edge in outline.edges:
        task_id = edge.task_id
        if task_id in nodes:
            yield Problem(
                "task_id_clash",
                task_id,
                f"this node's id is also the task of edge {edge.id!r}: rename the node",
            )
        first = owners.setdefault(task_id, edge)
        if (first.source, first.target) != (edge.source, edge.target):
            yield Problem(
                "task_id_clash",
                edge.id,
                f"its task {task_id!r} is also that of edge {first.id!r}: rename one of their nodes",
            )


def _cycles(outline: _Outline) -> Iterator[Problem]:
    """Cycles that share no edge, enough of them that without these edges there would be none.

    Walks along edges and forgets each one walked, so it costs one pass however long the cycles are.
    """
    position = {id(edge): number for number, edge in enumerate(outline.edges)}
    onward: dict[str, list[_Edge]] = defaultdict(list)
    for edge in {(edge.source, edge.target): edge for edge in reversed(outline.edges)}.values():
        if edge.source != edge.target:
            onward[edge.source].append(edge)
    for start in list(onward):
        walked: list[_Edge] = []
        depth = {start: 0}
        here = start
        while True:
            if not onward.get(here):
                # A dead end: nothing on from here is part of a cycle.
                del depth[here]
                if not walked:
                    break
                here = walked.pop().source
                continue
            edge = onward[here].pop()
            walked.append(edge)
            here = edge.target
            if here in depth:
                cycle = walked[depth[here] :]
                del walked[depth[here] :]
                for left in cycle[1:]:
                    del depth[left.source]
                last_drawn = max(range(len(cycle)), key=lambda step: position[id(cycle[step])])
                yield _cycle_problem([*cycle[last_drawn + 1 :], *cycle[: last_drawn + 1]])
            else:
                depth[here] = len(walked)


def _cycle_problem(cycle: list[_Edge]) -> Problem:
    return Problem(
        "cycle",
        cycle[-1].id,
        "closes a cycle, and no node of it could ever start: remove one of the edges "
        + ", ".join(edge.id for edge in cycle),
    )


def _impossible_handovers(outline: _Outline) -> Iterator[Problem]:
    for edge in outline.edges:
        if edge.handover in ("auto", "bucket") and not outline.takes_bucket_files.get(edge.target, True):
            yield Problem(
                "handover",
                edge.id,
                f"{edge.target!r} cannot take files from a bucket (handover {edge.handover!r}): choose "
                f"handover `url`, give it inline Python code, or name {INPUTS_VARIABLE} in its "
                "environment_variables if it reads that; or `asset`, with a wallet that publishes",
            )


def _unpayable(document: dict[str, Any], outline: _Outline) -> Iterator[Problem]:
    budget = document.get("budget")
    is_known = budget is None or isinstance(budget, dict)
    if outline.paid and is_known and not (budget and budget.get("per_run") is not None):
        yield Problem(
            "no_budget",
            path(("budget", "per_run")),
            f"{', '.join(map(repr, outline.paid))} is to be paid: say how much a run may cost at most, "
            'in whole tokens, such as "5"',
        )
    for node_id, algorithm in outline.paid.items():
        if isinstance(algorithm, dict) and "file" in algorithm:
            yield Problem(
                "payment",
                node_id,
                "an Ocean Node takes no paid job whose algorithm is a file: give it inline `code`",
            )
    for edge in outline.edges:
        if edge.handover == "asset" and edge.target in outline.paid:
            yield Problem(
                "handover",
                edge.id,
                "a paid job needs an order for a dataset by DID, and none is placed yet: choose handover "
                "`bucket` or `url`",
            )


def _bad_parameters(document: dict[str, Any], outline: _Outline) -> Iterator[Problem]:
    params = document.get("params")
    params = params if isinstance(params, dict) else {}
    for name in sorted(RUN_OPTIONS & params.keys()):
        yield Problem(
            "reserved_parameter",
            path(("params", name)),
            "this name says which nodes of a run are to run: rename the parameter",
        )
    if _is_scheduled(document.get("schedule")):
        for name, parameter in params.items():
            if isinstance(parameter, dict) and parameter.get("default") is None:
                yield Problem(
                    "no_default",
                    path(("params", name)),
                    "has no default, and a scheduled run is given no values: give it one, "
                    "or remove the schedule",
                )
    known = {*text.RUN_NAMES, *(f"{text.PARAMS}{name}" for name in params)}
    for where, template in outline.texts:
        for name in dict.fromkeys(text.names_in(template)):
            if name not in known:
                yield Problem(
                    "unknown_name",
                    path(where),
                    f"`{{{{ {_shown(name)} }}}}` is filled in by nothing: use a parameter of the graph as "
                    "`{{ params.name }}`, or ds, ts, run_id",
                )


def _is_scheduled(schedule: Any) -> bool:
    if isinstance(schedule, dict):
        return bool(schedule.get("cron") or schedule.get("assets"))
    return isinstance(schedule, str)


def _outline(document: dict[str, Any]) -> _Outline:
    outline = _Outline()
    for index, node in enumerate(_items(document, "nodes")):
        if isinstance(node, dict):
            _add_node(outline, index, node)
    for edge in _items(document, "edges"):
        if isinstance(edge, dict):
            _add_edge(outline, edge)
    return outline


def _add_node(outline: _Outline, index: int, node: dict[str, Any]) -> None:
    node_id = node.get("id")
    if _is_text(node_id):
        outline.node_ids.append(node_id)
    data = node.get("data")
    if not isinstance(data, dict):
        return
    payment = data.get("payment")
    if _is_text(node_id) and isinstance(payment, dict) and payment.get("mode") == "paid":
        outline.paid[node_id] = data.get("algorithm")
    takes_files = takes_bucket_files(data)
    if _is_text(node_id) and takes_files is not None:
        outline.takes_bucket_files[node_id] = takes_files
    outline.texts.extend(
        (("nodes", index, "data", *where), template)
        for where, template in _texts(data)
        if isinstance(template, str) and "{{" in template
    )


def takes_bucket_files(data: dict[str, Any]) -> bool | None:
    """Whether a node with these data can take files from a bucket; `None` when that cannot be told."""
    algorithm, variables = data.get("algorithm"), data.get("environment_variables", {})
    if not (isinstance(algorithm, dict) and isinstance(variables, dict)):
        return None
    entrypoint = algorithm.get("entrypoint", values.DEFAULT_ENTRYPOINT)
    if not isinstance(entrypoint, str):
        return None
    return ("code" in algorithm and values.runs_python(entrypoint)) or INPUTS_VARIABLE in variables


def _add_edge(outline: _Outline, edge: dict[str, Any]) -> None:
    source, target = edge.get("source"), edge.get("target")
    edge_id = edge.get("id", default_edge_id(source, target))
    if _is_text(source) and _is_text(target) and _is_text(edge_id):
        data = edge.get("data", {})
        handover = data.get("handover", "auto") if isinstance(data, dict) else ""
        outline.edges.append(_Edge(edge_id, source, target, handover if isinstance(handover, str) else ""))


def _texts(data: dict[str, Any]) -> Iterator[tuple[tuple[str | int, ...], object]]:
    """The texts of a node that a run may vary, with their places."""
    variables, datasets = data.get("environment_variables"), data.get("datasets")
    if isinstance(variables, dict):
        for name, value in variables.items():
            yield ("environment_variables", name), value
    yield from _source_texts(data.get("algorithm"), ("algorithm",))
    if isinstance(datasets, list | tuple):
        for index, dataset in enumerate(datasets):
            yield from _source_texts(dataset, ("datasets", index))


def _source_texts(
    source: object, where: tuple[str | int, ...]
) -> Iterable[tuple[tuple[str | int, ...], object]]:
    if not isinstance(source, dict):
        return
    if "did" in source:
        yield (*where, "did"), source["did"]
    if "upload" in source:
        yield (*where, "name"), source.get("name")
    if isinstance(source.get("file"), dict):
        yield (*where, "file", "url"), source["file"].get("url")


def _items(document: dict[str, Any], key: str) -> list[Any] | tuple[Any, ...]:
    items = document.get(key)
    return items if isinstance(items, list | tuple) else ()


def _is_text(value: object) -> TypeGuard[str]:
    """Whether it is text that can be shown: half a surrogate pair cannot."""
    return isinstance(value, str) and (value.isascii() or value == value.encode(errors="replace").decode())


def _shown(name: str) -> str:
    return name[:100].encode(errors="replace").decode()
