# SPDX-License-Identifier: Apache-2.0
"""The schedules: which graph runs, how fast, and what is killed when. A seed decides all of it.

A row is one run of one graph with one kill. Up to four rows are a round: they run at the same time, so
that each is also disturbed by what is killed for the others. Every named point meets every part that can
be killed; random rows take any part at any time.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.chaos import shapes
from tests.chaos.plugins.chaos_points import IN_A_TASK, IN_THE_TRIGGERER

PARTS = ("scheduler", "api-server", "triggerer", "mongod", "ocean-node")
VICTIMS = ("worker", *PARTS)
# As many tasks as run at once: each may stand still at its point.
ROUND = 4
# A task that stands still here keeps the wallet's next nonce to itself, and others wait for it.
IN_THE_LANE = ("before intent", "after intent", "start sent")
# How long the algorithm takes: over before the task is handed to the triggerer, or well after.
QUICK, SLOW = 0.0, 9.0
# No run is over sooner: its first node is slow.
LATEST_KILL_SECONDS = 12.0


@dataclass(frozen=True, slots=True)
class Row:
    """One run with one kill: at a point of one of its tasks, or some seconds after it began."""

    case: str
    seed: int
    shape: str
    pace: dict[str, float] = field(hash=False)
    victim: str
    point: str = ""
    task: str = ""
    after_seconds: float = 0.0

    @property
    def moment(self) -> str:
        return f"{self.point} of {self.task}" if self.point else f"after {self.after_seconds:.1f} s"

    @property
    def again(self) -> str:
        return f"make chaos SEED={self.seed} CASE={self.case}"

    def order(self) -> dict[str, Any]:
        """What the process that comes to the point reads."""
        return {"point": self.point, "task": self.task, "victim": self.victim}


def named(seed: int) -> list[list[Row]]:
    """Rounds with each point and each part once."""
    rounds = []
    number = 0
    for victim in VICTIMS:
        points = IN_A_TASK if victim == "worker" else (*IN_A_TASK, *IN_THE_TRIGGERER)
        for together in _spread(points):
            rows = []
            free = list(shapes.SHAPES)
            for point in together:
                rows.append(_named_row(f"named-{number:03}", seed, victim, point, free))
                number += 1
            rounds.append(rows)
    return rounds


def drawn_at_random(seed: int, count: int) -> list[list[Row]]:
    """Rounds of random shapes, paces, parts and times."""
    rows = []
    for number in range(count):
        chance = random.Random(f"{seed} random {number}")
        shape = chance.choice(list(shapes.SHAPES))
        nodes = shapes.SHAPES[shape][0]
        row = Row(
            case=f"random-{number:03}",
            seed=seed,
            shape=shape,
            pace={node: chance.choice((QUICK, QUICK, 3.0, SLOW)) for node in nodes} | {nodes[0]: SLOW},
            victim=chance.choice(VICTIMS),
            after_seconds=round(chance.uniform(0, LATEST_KILL_SECONDS), 1),
        )
        rows.append(row)
    return list(_batches(rows, ROUND))


def _named_row(case: str, seed: int, victim: str, point: str, free: list[str]) -> Row:
    """A run that comes to the point; its shape is taken out of `free`, for contents differ by shape."""
    chance = random.Random(f"{seed} {case}")
    able = [shape for shape in free if "upload" not in point or shapes.SHAPES[shape][1]]
    shape = "bulky" if "download" in point and "bulky" in able else chance.choice(able)
    free.remove(shape)
    nodes, edges = shapes.SHAPES[shape]
    pace = {node: chance.choice((QUICK, SLOW)) for node in nodes}
    if "upload" in point:
        task = chance.choice(_edge_tasks(edges))
    elif "XCom" in point:
        task = chance.choice([*nodes, *_edge_tasks(edges), "results"])
    else:
        task = nodes[0] if shape == "bulky" else chance.choice(nodes)
    if point in IN_THE_TRIGGERER:
        pace[task] = SLOW
    return Row(case, seed, shape, pace, victim, point=point, task=task)


def _edge_tasks(edges: Sequence[str]) -> list[str]:
    return [f"{edge[0]}__{edge[1]}" for edge in edges]


def _spread(points: Sequence[str]) -> Iterator[list[str]]:
    """Rounds of points, with at most one in each that others wait for."""
    first = [point for point in points if point in IN_THE_LANE]
    others = [point for point in points if point not in IN_THE_LANE]
    while first or others:
        begin = [first.pop(0)] if first else []
        share = ROUND - len(begin)
        yield begin + others[:share]
        del others[:share]


def _batches(rows: list[Row], size: int) -> Iterator[list[Row]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def chosen(rounds: list[list[Row]], names: Sequence[str]) -> list[list[Row]]:
    """The rounds that hold these rows; they are repeated whole, for rows disturb each other."""
    return [rows for rows in rounds if any(row.case in names for row in rows)]
