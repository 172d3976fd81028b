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
from tests.chaos.in_ocean_node.sitecustomize import MONEY_LOCKED
from tests.chaos.plugins.chaos_money import (
    IN_A_PAID_START,
    IN_A_TRANSACTION,
    IN_PUBLISHING,
    IN_UPKEEP,
    MONEY_POINTS,
)
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
# A run that pays and publishes takes longer: transactions, and the index of the Ocean Node.
LATEST_PAID_KILL_SECONDS = 40.0
# Not the API server, which money knows nothing of; not the chain, for a laptop's anvil that is killed loses
# its last second, blocks that were told of among them, as no chain does that is worth money.
PAID_VICTIMS = ("worker", "ocean-node", "mongod", "scheduler", "triggerer")


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
        at = f"{self.point} of {self.task or 'whoever comes'}"
        return at if self.point else f"after {self.after_seconds:.1f} s"

    @property
    def kills_itself(self) -> bool:
        """Whether who comes to the point needs nobody else to be killed."""
        return self.victim == "worker" or self.point == MONEY_LOCKED

    @property
    def is_in_upkeep(self) -> bool:
        """Whether its kill comes when its run is over."""
        return self.point in IN_UPKEEP

    @property
    def again(self) -> str:
        paid = " PAID=1" if shapes.is_paid(self.shape) else ""
        return f"make chaos SEED={self.seed} CASE={self.case}{paid}"

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
    return _at_random("random", seed, count, list(shapes.SHAPES), VICTIMS, LATEST_KILL_SECONDS)


def paid_named(seed: int) -> list[list[Row]]:
    """Rounds with each point of the money path and each part once, parts mixed."""
    meetings = [(victim, point) for victim in PAID_VICTIMS for point in MONEY_POINTS]
    random.Random(f"{seed} paid").shuffle(meetings)
    # Upkeep settles a round once.
    settling = [one for one in meetings if one[1] in IN_UPKEEP]
    others = [one for one in meetings if one[1] not in IN_UPKEEP]
    rounds, number = [], 0
    while settling or others:
        together = settling[:1] + others[: ROUND - len(settling[:1])]
        del settling[:1], others[: len([one for one in together if one[1] not in IN_UPKEEP])]
        rows = [_paid_row(number + place, seed, *one) for place, one in enumerate(together)]
        rounds.append(rows)
        number += len(rows)
    # Alone, for it comes to whichever run is paid next.
    return [*rounds, [_paid_row(number, seed, "ocean-node", MONEY_LOCKED)]]


def paid_at_random(seed: int, count: int) -> list[list[Row]]:
    """Rounds of the graphs that cost money, with random paces, parts and times."""
    return _at_random("paid-random", seed, count, list(shapes.PAID), PAID_VICTIMS, LATEST_PAID_KILL_SECONDS)


def _at_random(
    kind: str, seed: int, count: int, of: Sequence[str], victims: Sequence[str], latest_seconds: float
) -> list[list[Row]]:
    rows = []
    for number in range(count):
        chance = random.Random(f"{seed} {kind.replace('-', ' ')} {number}")
        shape = chance.choice(of)
        row = Row(
            case=f"{kind}-{number:03}",
            seed=seed,
            shape=shape,
            pace=_random_pace(chance, shape),
            victim=chance.choice(victims),
            after_seconds=round(chance.uniform(0, latest_seconds), 1),
        )
        rows.append(row)
    return list(_batches(rows, ROUND))


def _paid_row(number: int, seed: int, victim: str, point: str) -> Row:
    case = f"paid-{number:03}"
    chance = random.Random(f"{seed} {case}")
    shape = list(shapes.PAID)[number % len(shapes.PAID)]
    paid, edges = shapes.PAID_NODES[shape], _edge_tasks(shapes.ASSET_EDGES[shape])
    if point in IN_UPKEEP:
        task = "settle_payments"
    elif point in ("plan reserved", MONEY_LOCKED):
        task = paid[0]
    elif point in IN_A_PAID_START:
        task = chance.choice(paid)
    elif point in IN_PUBLISHING:
        # Of two that hand over the same content at once, only one publishes it.
        task = edges[0] if len(edges) == 1 else ""
    else:
        assert point in IN_A_TRANSACTION
        # A later start may need none: what came back of an earlier lock is there, and allowed.
        task = chance.choice((paid[0], edges[0] if len(edges) == 1 else paid[0]))
    pace = {node: chance.choice((QUICK, SLOW)) for node in shapes.PAID[shape][0]}
    return Row(case, seed, shape, pace, victim, point=point, task=task)


def _random_pace(chance: random.Random, shape: str) -> dict[str, float]:
    nodes = shapes.ALL[shape][0]
    return {node: chance.choice((QUICK, QUICK, 3.0, SLOW)) for node in nodes} | {nodes[0]: SLOW}


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
