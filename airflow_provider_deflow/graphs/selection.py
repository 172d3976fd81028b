# SPDX-License-Identifier: Apache-2.0
"""Run from here, only this, up to here: what each node of a graph does in a run that was asked for so.

    from X   X and all that follows it run; every other node is reused
    only X   X runs, what it stands on is reused, the rest is skipped
    to X     X and what it stands on run, the rest is skipped
    from X, to Y   what lies on a way from X to Y runs, what that stands on is reused, the rest is skipped

Each may name several nodes. To run is to start a job, whatever earlier runs left. To be reused is to
stand with the outputs that an earlier run kept for equal inputs; a node that has none is an error and not
a job that nobody asked for. A run without any of these runs every node.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from airflow_provider_deflow import errors

OPTIONS = ("from", "only", "to")

Part = Literal["runs", "reused", "skipped"]


@dataclass(frozen=True, slots=True)
class Selection:
    """What was `asked`, by option, and the nodes of a graph by what they do, each sorted."""

    asked: Mapping[str, Sequence[str]]
    runs: tuple[str, ...]
    reused: tuple[str, ...]
    skipped: tuple[str, ...]

    def part_of(self, node_id: str) -> Part:
        if node_id in self.runs:
            return "runs"
        return "reused" if node_id in self.reused else "skipped"

    def __str__(self) -> str:
        return in_words(self.asked)


def select(
    nodes: Collection[str], edges: Iterable[tuple[str, str]], asked: Mapping[str, Sequence[str]]
) -> Selection:
    """The selection of a graph's `nodes` and `edges` that `asked` names, some option of it at least.

    Raises `SettingsError` for a node that is not there, and for what contradicts itself.
    """
    asked = {option: tuple(asked[option]) for option in OPTIONS if asked.get(option)}
    for option, names in asked.items():
        if strangers := [name for name in names if name not in nodes]:
            raise errors.SettingsError(
                f"`{option}` names {strangers[0]!r}, which is no node of this graph. "
                f"Its nodes are {', '.join(sorted(nodes))}."
            )
    if "only" in asked and len(asked) > 1:
        raise errors.SettingsError(
            "`only` says by itself what runs: leave out `from` and `to`, or leave out `only`."
        )
    edges = list(edges)
    before = [(target, source) for source, target in edges]
    runs = set(asked.get("only") or nodes)
    if "from" in asked:
        runs &= _reached(asked["from"], edges)
    if "to" in asked:
        runs &= _reached(asked["to"], before)
    if not runs:
        raise errors.SettingsError(f"no node lies {in_words(asked)}: no way leads from the one to the other.")
    # Only a run that begins somewhere and ends nowhere wants the whole graph's result.
    standing = set(nodes) if asked.keys() == {"from"} else _reached(runs, before)
    reused = standing - runs
    return Selection(
        asked, tuple(sorted(runs)), tuple(sorted(reused)), tuple(sorted(set(nodes) - runs - reused))
    )


def in_words(asked: Mapping[str, Sequence[str]]) -> str:
    """`from 'a' to 'b', 'c'`."""
    return " ".join(
        f"{option} {', '.join(map(repr, asked[option]))}" for option in OPTIONS if asked.get(option)
    )


def _reached(starts: Iterable[str], arrows: Collection[tuple[str, str]]) -> set[str]:
    """`starts`, and all that can be reached from there."""
    following: dict[str, list[str]] = {}
    for start, end in arrows:
        following.setdefault(start, []).append(end)
    reached, todo = set(starts), list(starts)
    while todo:
        for each in following.get(todo.pop(), ()):
            if each not in reached:
                reached.add(each)
                todo.append(each)
    return reached
