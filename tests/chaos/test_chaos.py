# SPDX-License-Identifier: Apache-2.0
"""A slice of `make chaos`, the same one each time: every point is reached undisturbed, then a few kills."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.chaos import cases, deployment
from tests.chaos.in_ocean_node.sitecustomize import MONEY_LOCKED
from tests.chaos.plugins.chaos_money import MONEY_POINTS
from tests.chaos.plugins.chaos_points import POINTS
from tests.chaos.rounds import Chaos

pytestmark = [pytest.mark.stack, pytest.mark.chaos, pytest.mark.chain, pytest.mark.timeout(900)]

# Any of the rounds would do; these lose tasks at four points, and Ocean Nodes at four others.
SEED = 1
SLICE = ("named-009", "named-099")
# A paid start that was sent when its worker died, and an Ocean Node that dies with a paid job.
PAID_SLICE = (("worker", "paid start sent"), ("ocean-node", "paid start answered"))


@pytest.fixture(scope="module")
def chaos(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chaos]:
    home = tmp_path_factory.mktemp("chaos")
    with deployment.running(home, print, with_chain=True) as up:
        disturbed = Chaos(up, home / "evidence")
        assert disturbed.run_undisturbed() == []
        yield disturbed


def test_undisturbed_runs_pass_every_point(chaos: Chaos) -> None:
    seen = {path.name for path in (chaos.deployment.folder / "seen").iterdir()}
    points = (*POINTS, *MONEY_POINTS, MONEY_LOCKED)
    assert seen == {point.replace(" ", "-").replace("%", "percent") for point in points}


@pytest.mark.parametrize("case", SLICE)
def test_nothing_is_lost_when_a_part_is_killed(chaos: Chaos, case: str) -> None:
    (rows,) = cases.chosen([*cases.named(SEED), *cases.drawn_at_random(SEED, 40)], [case])

    verdicts = chaos.round(rows)

    assert [verdict.line() for verdict in verdicts if verdict.problems] == []


def test_nothing_is_paid_twice_when_a_part_is_killed(chaos: Chaos) -> None:
    rows = [row for rows in cases.paid_named(SEED) for row in rows if (row.victim, row.point) in PAID_SLICE]

    verdicts = chaos.round(rows)

    assert [verdict.line() for verdict in verdicts if verdict.problems] == []
