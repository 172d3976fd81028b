# SPDX-License-Identifier: Apache-2.0
"""The harness itself: what it wraps exists, every point meets every part, and a seed decides all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from airflow_provider_deflow.graphs import find_problems
from tests.chaos import cases, report, shapes
from tests.chaos.in_ocean_node.sitecustomize import MONEY_LOCKED
from tests.chaos.plugins.chaos_money import MONEY_POINTS
from tests.chaos.plugins.chaos_points import IN_A_TASK, IN_THE_TRIGGERER
from tests.chaos.rounds import Verdict


def test_each_point_meets_each_part_that_can_be_killed_there() -> None:
    rows = [row for rows in cases.named(1) for row in rows]

    worker = {("worker", point) for point in IN_A_TASK}
    others = {(part, point) for part in cases.PARTS for point in (*IN_A_TASK, *IN_THE_TRIGGERER)}
    assert {(row.victim, row.point) for row in rows} == worker | others
    assert len(rows) == len(worker | others)


def test_each_point_of_the_money_path_meets_each_part_but_the_chain() -> None:
    rows = [row for rows in cases.paid_named(1) for row in rows]

    meetings = {(part, point) for part in cases.PAID_VICTIMS for point in MONEY_POINTS}
    meetings.add(("ocean-node", MONEY_LOCKED))
    assert {(row.victim, row.point) for row in rows} == meetings
    assert len(rows) == len(meetings)
    assert {row.shape for row in rows} == set(shapes.PAID)


def test_an_asset_goes_to_free_jobs_only_and_every_graph_pays() -> None:
    for shape, edges in shapes.ASSET_EDGES.items():
        assert edges
        assert not {edge[1] for edge in edges} & set(shapes.PAID_NODES[shape])
        assert list(find_problems(shapes.document(shape))) == []


def test_the_page_keeps_the_rows_of_the_other_kind(tmp_path: Path) -> None:
    page, row = tmp_path / "faults.md", cases.named(1)[0][0]
    paid_row = cases.paid_named(1)[0][0]
    free, paid = report.Table(tmp_path / "free"), report.Table(tmp_path / "paid")
    free.add(Verdict(row, 1.0, 0, 1, ()))
    free.write(page, paid=False)
    of_free = page.read_text()

    paid.add(Verdict(paid_row, 1.0, 0, 3, (), 2))
    paid.write(page, paid=True)
    of_both = page.read_text()
    paid.write(page, paid=True)
    free.write(page, paid=False)

    assert of_both.startswith(of_free)
    assert paid_row.case in of_both
    assert page.read_text() == of_both


def test_rows_of_a_round_run_unlike_graphs_and_do_not_wait_for_one_lane() -> None:
    for rows in cases.named(3):
        assert len({row.shape for row in rows}) == len(rows) <= cases.ROUND
        assert len([row for row in rows if row.point in cases.IN_THE_LANE]) <= 1


def test_a_seed_decides_everything_and_a_case_is_found_again() -> None:
    assert cases.named(5) == cases.named(5) != cases.named(6)
    assert cases.paid_named(5) == cases.paid_named(5) != cases.paid_named(6)
    assert cases.drawn_at_random(5, 40) == cases.drawn_at_random(5, 40)
    assert cases.paid_at_random(5, 40)[:2] == cases.paid_at_random(5, 8)
    # However many are asked for, the first ones are the same.
    assert cases.drawn_at_random(5, 40)[:2] == cases.drawn_at_random(5, 8)
    (found,) = cases.chosen(cases.named(5), ["named-016"])
    assert "named-016" in [row.case for row in found]


def test_random_rows_use_all_shapes_and_all_parts() -> None:
    rows = [row for rows in cases.drawn_at_random(1, 200) for row in rows]

    assert {row.shape for row in rows} == set(shapes.SHAPES)
    assert {row.victim for row in rows} == set(cases.VICTIMS)


def test_all_that_is_wrapped_exists(tmp_path: Path) -> None:
    """In a process of its own, for it stays wrapped."""
    wrap = (
        "from tests.chaos.plugins import chaos_points as points; "
        "from tests.chaos.in_ocean_node import sitecustomize; sitecustomize.wrap_what_locks(); "
        "points.wrap_what_tasks_call(); points.wrap_what_pays(); points.wrap_what_triggers_call()"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "AIRFLOW_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", wrap], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
