# SPDX-License-Identifier: Apache-2.0
"""Fuzzes for some minutes, and prints each finding once, with the smallest call that shows it."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path

import click
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Flaky

from tests import services
from tests.conformance import local_nodes
from tests.fuzz.calls import Call, calls
from tests.fuzz.nodes import Fuzzed
from tests.fuzz.trial import Errors, Finding, errors_of_the_node, try_call
from tests.local_ocean_node.running import running_ocean_node


@click.command()
@click.option("--minutes", default=20.0, show_default=True)
@click.option("--against", metavar="URL", help="A real Ocean Node to compare with.")
@click.option("--image", default="python:3.11-slim", show_default=True, help="An image for jobs there.")
@click.option("--seed", "first_seed", default=0, show_default=True, help="Repeats a run.")
def main(minutes: float, against: str | None, image: str, first_seed: int) -> None:
    """Exit code 1 when an answer was missing, an exception was not thought of, or a 5xx was ours alone."""
    until = time.monotonic() + 60 * minutes
    findings: dict[str, Finding] = {}
    asked = Counter[str]()
    real = Fuzzed(against, image) if against else None
    with (
        tempfile.TemporaryDirectory() as folder,
        services.chain(Path(folder)) as chain,
        tempfile.TemporaryDirectory() as node_folder,
        running_ocean_node(local_nodes.recorded(Path(node_folder), chain)) as url,
        errors_of_the_node() as errors,
    ):
        local = Fuzzed(url, "python:3.11-slim")
        number = first_seed
        while time.monotonic() < until:
            _batch(number, local, errors, real, findings, asked, until)
            number += 1
        alive = local.node.get("/").status_code == 200
    click.echo(f"\n{asked.total()} calls of {len(asked)} routes, seeds {first_seed} to {number - 1}")
    grave = [finding for finding in findings.values() if "another status" not in finding.key]
    click.echo(f"{len(grave)} grave findings, {len(findings) - len(grave)} other statuses; alive: {alive}")
    raise SystemExit(bool(grave) or not alive)


def _batch(
    number: int,
    local: Fuzzed,
    errors: Errors,
    real: Fuzzed | None,
    findings: dict[str, Finding],
    asked: Counter[str],
    until: float,
) -> None:
    last: list[Finding] = []

    @seed(number)
    @settings(
        max_examples=100,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )
    @given(calls())
    def trial(call: Call) -> None:
        if time.monotonic() > until:
            return
        asked[f"{call.method} {call.path}"] += 1
        try:
            try_call(call, local, errors, real)
        except Finding as finding:
            if finding.key not in findings:
                last.append(finding)
                raise

    try:
        trial()
    except (Finding, Flaky):
        # A node's state can make the smallest call behave otherwise the second time: it counts all the same.
        findings[last[-1].key] = last[-1]
        click.echo(f"\n{last[-1]}")


main()
