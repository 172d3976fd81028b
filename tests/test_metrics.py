# SPDX-License-Identifier: Apache-2.0
"""The list of metrics in the documentation is the list in the code."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_deflow import metrics

DOCS = Path(__file__).parents[1] / "docs" / "monitoring.md"
METRICS = [value for value in vars(metrics).values() if isinstance(value, metrics.Metric)]


def test_the_documentation_lists_every_metric_as_it_is() -> None:
    rows = re.findall(
        r"^\| `(deflow\.[a-z_.]+)` \| (\w+) \| (.*?) \| (.*?) \|$", DOCS.read_text(), re.MULTILINE
    )

    assert sorted(rows) == sorted(
        (metric.name, metric.kind, " ".join(f"`{tag}`" for tag in metric.tags), metric.what)
        for metric in METRICS
    )


@pytest.mark.parametrize(
    ("url", "tag"),
    [
        ("https://node.example", "node.example"),
        ("http://127.0.0.1:8001/x", "127.0.0.1_8001"),
        ("https://user:secret@node.example:8001", "node.example_8001"),
        ("http://[::1]:8001", "__1_8001"),
        ("nothing", ""),
    ],
)
def test_an_ocean_node_is_a_tag_that_statsd_takes(url: str, tag: str) -> None:
    assert metrics.host_of(url) == tag
