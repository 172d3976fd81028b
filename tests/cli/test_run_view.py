# SPDX-License-Identifier: Apache-2.0
"""What is shown of a run: the order of tasks, the lines in a log, the table and the time line."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from airflow_provider_deflow.cli import run_view
from airflow_provider_deflow.example import graph
from airflow_provider_deflow.graphs import Graph
from airflow_provider_deflow.stack.airflow_api import DagRun, RunState, TaskInstance

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def _task(task_id: str, state: str, started: float | None = None, ended: float | None = None) -> TaskInstance:
    start, end = (None if at is None else NOON + timedelta(seconds=at) for at in (started, ended))
    return TaskInstance(task_id, -1, state, 1, "", start, end)


def _state(*tasks: TaskInstance, seconds: float = 10) -> RunState:
    return RunState(DagRun("d", "r", "running", NOON, NOON + timedelta(seconds=seconds), None), tasks)


def _console(*, terminal: bool = False) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, width=100, force_terminal=terminal, color_system=None), written


def test_tasks_come_after_the_ones_they_wait_for() -> None:
    drawn = Graph.from_document(graph.document({"hospital-a.csv": "a" * 64, "hospital-b.csv": "b" * 64}))

    assert run_view.task_order(drawn) == [
        "prepare-a",
        "prepare-b",
        "prepare-a__select-features",
        "prepare-b__select-features",
        "select-features",
        "select-features__predict",
        "predict",
        "results",
    ]


def test_a_log_gets_one_line_per_change() -> None:
    console, written = _console()

    with run_view.live(console, ["a", "b"]) as show:
        show(_state(_task("b", ""), _task("a", "running", 0)))
        show(_state(_task("b", ""), _task("a", "running", 0)))
        show(_state(_task("b", "deferred", 2), _task("a", "success", 0, 1.5)))

    assert written.getvalue().splitlines() == ["  a: running", "  a: done after 1.5 s", "  b: computing"]


def test_a_terminal_gets_the_whole_table() -> None:
    console, written = _console(terminal=True)

    with run_view.live(console, ["a", "b"]) as show:
        show(_state(_task("b", ""), _task("a", "success", 0, 1.5)))

    assert "a  done                 1.5 s" in written.getvalue()
    assert "b  waiting" in written.getvalue()


def test_a_later_try_is_counted() -> None:
    console, written = _console()
    again = TaskInstance("a", -1, "up_for_retry", 2, "", None, None)

    with run_view.live(console, ["a"]) as show:
        show(_state(again))

    assert written.getvalue() == "  a: up for retry, try 2\n"


def test_bars_lie_where_the_tasks_ran() -> None:
    console, written = _console()
    state = _state(_task("second", "success", 5, 10), _task("first", "success", 0, 5), _task("never", ""))

    console.print(run_view.time_line(state))

    assert [line.rstrip() for line in written.getvalue().splitlines()] == [
        f"{' ' * 42}start   took",
        f"first   {'█' * 16}{' ' * 16}  0.0 s  5.0 s",
        f"second  {' ' * 16}{'█' * 16}  5.0 s  5.0 s",
    ]


def test_the_shortest_task_still_has_a_mark() -> None:
    console, written = _console()

    console.print(run_view.time_line(_state(_task("quick", "success", 9.99, 9.99))))

    assert f"quick  {' ' * 31}" in written.getvalue()
    assert any(mark in written.getvalue() for mark in "▏▎▍▌▋▊▉█")
