# SPDX-License-Identifier: Apache-2.0
"""What a person sees of a run: its tasks while it goes, and afterwards when each of them ran.

On a terminal one table that changes in place; elsewhere one line per change, so that a log reads well.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import UTC, datetime
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from rich.live import Live
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

    from airflow_provider_deflow.graphs import Graph
    from airflow_provider_deflow.stack.airflow_api import RunState, TaskInstance

RESULTS = "results"
NEVER_RAN = "upstream_failed"
BAR_WIDTH = 32  # with the names of the example it fits 80 columns
EIGHTHS = " ▏▎▍▌▋▊▉"
COLOURS = {
    "success": "green",
    "running": "cyan",
    "deferred": "cyan",
    "queued": "yellow",
    "up_for_retry": "yellow",
    "failed": "bold red",
    "upstream_failed": "red",
    "skipped": "dim",
}
WORDS = {"": "waiting", "deferred": "computing", "success": "done"}


def task_order(graph: Graph) -> list[str]:
    """The task ids of a graph's Dag, each after the ones it waits for."""
    waits_for: dict[str, list[str]] = {node.id: [] for node in graph.nodes}
    for edge in graph.edges:
        waits_for[edge.task_id] = [edge.source]
        waits_for[edge.target].append(edge.task_id)
    return [*TopologicalSorter(waits_for).static_order(), RESULTS]


def in_order(tasks: Sequence[TaskInstance], order: Sequence[str]) -> list[TaskInstance]:
    """The tasks as `task_order` has them; what it does not know comes last."""
    place = {task_id: number for number, task_id in enumerate(order)}
    return sorted(tasks, key=lambda task: (place.get(task.task_id, len(place)), task.task_id))


@contextmanager
def live(console: Console, order: Sequence[str]) -> Iterator[Callable[[RunState], None]]:
    """Give a function that shows a state of the run; show it until the block ends."""
    if not console.is_terminal:
        yield _Lines(console, order).show
        return
    with Live(console=console, auto_refresh=False) as screen:
        yield lambda state: screen.update(_table(state, order), refresh=True)


def time_line(state: RunState) -> Table:
    """One bar per task, from its start to its end, on the run's own scale."""
    start = state.run.started or datetime.now(UTC)
    total_seconds = max(_seconds(start, state.run.ended), 0.1)
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, width=BAR_WIDTH)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_row("", "", Text("start", style="dim"), Text("took", style="dim"))
    begun = [(task.started, task) for task in state.tasks if task.started and task.state != NEVER_RAN]
    for began, task in sorted(begun, key=lambda pair: pair[0]):
        begins, lasts = _seconds(start, began), _seconds(began, task.ended)
        bar = Text(_bar(begins / total_seconds, lasts / total_seconds), style=_colour(task))
        table.add_row(task.task_id, bar, f"{begins:.1f} s", f"{lasts:.1f} s")
    return table


def _table(state: RunState, order: Sequence[str]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(width=16)
    table.add_column(justify="right", width=8)
    for task in in_order(state.tasks, order):
        seconds = f"{_seconds(task.started, task.ended):.1f} s" if task.started else ""
        table.add_row(task.task_id, Text(_word(task), style=_colour(task)), seconds)
    return table


class _Lines:
    """Says each change of a task's state once."""

    def __init__(self, console: Console, order: Sequence[str]) -> None:
        self._console = console
        self._order = order
        self._said: dict[str, str] = {}

    def show(self, state: RunState) -> None:
        for task in in_order(state.tasks, self._order):
            word = _word(task)
            if self._said.get(task.task_id, "waiting") == word:
                continue
            self._said[task.task_id] = word
            took = f" after {_seconds(task.started, task.ended):.1f} s" if task.started and task.ended else ""
            self._console.print(f"  {task.task_id}: {word}{took}", highlight=False)


def _word(task: TaskInstance) -> str:
    word = WORDS.get(task.state, task.state.replace("_", " "))
    return f"{word}, try {task.try_number}" if task.try_number > 1 else word


def _colour(task: TaskInstance) -> str:
    return COLOURS.get(task.state, "dim")


def _seconds(start: datetime, end: datetime | None) -> float:
    return ((end or datetime.now(UTC)) - start).total_seconds()


def _bar(begins: float, lasts: float) -> str:
    """A bar over the given parts of the width, exact to an eighth of a character at its end."""
    first = min(int(begins * BAR_WIDTH), BAR_WIDTH - 1)
    eighths = max(round((begins + lasts) * BAR_WIDTH * 8) - first * 8, 1)
    full, rest = divmod(min(eighths, (BAR_WIDTH - first) * 8), 8)
    return " " * first + "█" * full + EIGHTHS[rest].strip()
