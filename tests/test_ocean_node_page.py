# SPDX-License-Identifier: Apache-2.0
"""docs/ocean-node.md promises what the code does: its names exist, and its figures are the code's."""

from __future__ import annotations

import importlib
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from airflow_provider_deflow import cli, errors, handover, job_ends, job_request
from airflow_provider_deflow.graphs import values
from airflow_provider_deflow.hooks import ocean_node, signed_urls
from airflow_provider_deflow.ocean import choosing
from airflow_provider_deflow.operators import compute
from airflow_provider_deflow.provider_info import get_provider_info

PAGE = (Path(__file__).parents[1] / "docs" / "ocean-node.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("promise", "true"),
    [
        ("30 requests a minute", ocean_node.REQUESTS_PER_MINUTE == 30),
        ("(95 000 bytes)", values.CODE_LIMIT_BYTES == 95_000),
        ("up to an hour in the queue", job_request.QUEUE_MAX_WAIT_SECONDS == 3600),
        ("and ten minutes, then asks it to stop", compute.GRACE_SECONDS == 600),
        ("for ten more, then fails the task", job_ends.STOPPING_SECONDS == 600),
        ("expires after two hours", signed_urls.EXPIRES_SECONDS == 7200),
        ("labelled `deflow`", handover.BUCKET_LABEL == "deflow"),
        ("`environment_policy`", "environment_policy" in get_provider_info()["config"]["deflow"]["options"]),
    ],
)
def test_what_it_promises_is_so(promise: str, true: bool) -> None:
    assert promise in PAGE
    assert true


def test_it_has_a_row_for_every_policy() -> None:
    for policy in choosing.POLICIES:
        assert re.search(rf"^\| `{policy}`", PAGE, re.MULTILINE), policy


def test_the_errors_and_modules_it_names_are_there() -> None:
    named = [name for name in re.findall(r"`([A-Z][a-z]+[A-Z]\w+)`", PAGE)]
    assert named
    assert [name for name in named if not hasattr(errors, name)] == []
    for module in re.findall(r"`(ocean\.\w+)`", PAGE):
        importlib.import_module(f"airflow_provider_deflow.{module}")


def test_the_commands_it_shows_are_there() -> None:
    lines = re.findall(r"^    (deflow [^#\n]+)", PAGE, re.MULTILINE)
    assert len(lines) == 2
    for line in lines:
        _, name, *rest = shlex.split(line)
        shown = CliRunner().invoke(cli.main, [name, "--help"]).output
        assert all(option in shown for option in rest if option.startswith("--"))


def test_it_stays_short() -> None:
    assert len(PAGE.splitlines()) <= 200
