# SPDX-License-Identifier: Apache-2.0
"""Which nodes of a graph a partial run runs, reuses and leaves out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.graphs.selection import OPTIONS, Selection, select

# a → b → c → d, with e beside b, and a part of its own: x → y
NODES = "abcdexy"
EDGES = ["ab", "bc", "cd", "ae", "ed", "xy"]

ROWS: dict[str, tuple[dict[str, str], str, str, str]] = {
    # what is asked: what runs, what is reused, what is skipped
    "from a node on": ({"from": "c"}, "cd", "abexy", ""),
    "from the beginning": ({"from": "ax"}, "abcdexy", "", ""),
    "from two nodes": ({"from": "ec"}, "cde", "abxy", ""),
    "only one": ({"only": "c"}, "c", "ab", "dexy"),
    "only two, one before the other": ({"only": "ac"}, "ac", "b", "dexy"),
    "only a source": ({"only": "x"}, "x", "", "abcdey"),
    "up to a node": ({"to": "c"}, "abc", "", "dexy"),
    "up to the ends": ({"to": "dy"}, "abcdexy", "", ""),
    "from one to another": ({"from": "b", "to": "c"}, "bc", "a", "dexy"),
    "from one to itself": ({"from": "d", "to": "d"}, "d", "abce", "xy"),
}


def selected(asked: dict[str, str]) -> Selection:
    return select(list(NODES), [(edge[0], edge[1]) for edge in EDGES], {k: list(v) for k, v in asked.items()})


@pytest.mark.parametrize(("asked", "runs", "reused", "skipped"), ROWS.values(), ids=ROWS)
def test_each_node_runs_is_reused_or_skipped(
    asked: dict[str, str], runs: str, reused: str, skipped: str
) -> None:
    selection = selected(asked)

    assert "".join(selection.runs) == runs
    assert "".join(selection.reused) == reused
    assert "".join(selection.skipped) == skipped


def test_a_node_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(SettingsError, match=r"`to` names 'z', which is no node .* are a, b, c, d, e, x, y"):
        selected({"to": "az"})


@pytest.mark.parametrize("more", ["from", "to"])
def test_only_stands_by_itself(more: str) -> None:
    with pytest.raises(SettingsError, match="`only` says by itself what runs"):
        selected({"only": "a", more: "b"})


def test_what_no_way_joins_is_told() -> None:
    with pytest.raises(SettingsError, match="no node lies from 'c' to 'b'"):
        selected({"from": "c", "to": "b"})


@given(st.sampled_from(OPTIONS), st.sets(st.sampled_from(NODES), min_size=1))
def test_nothing_runs_on_what_is_skipped(option: str, names: set[str]) -> None:
    selection = selected({option: "".join(names)})

    assert sorted(selection.runs + selection.reused + selection.skipped) == sorted(NODES)
    for source, target in EDGES:
        if selection.part_of(source) == "skipped":
            assert selection.part_of(target) == "skipped"
