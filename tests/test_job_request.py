# SPDX-License-Identifier: Apache-2.0
"""What a drawn node needs of a compute environment."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_deflow import job_request
from airflow_provider_deflow.graphs.graph import ComputeData


def node(image: str = "python:3.12-slim", **changes: Any) -> ComputeData:
    return ComputeData.model_validate({"algorithm": {"code": "pass", "image": image}, **changes})


def test_a_duration_that_the_drawing_asks_for_has_to_fit_and_the_default_is_a_bound() -> None:
    silent = job_request.demand(node(), 3600)
    assert (silent.max_duration_seconds, silent.needed_seconds) == (3600, 0)
    asking = job_request.demand(node(max_duration_seconds=7200), 7200)
    assert (asking.max_duration_seconds, asking.needed_seconds) == (7200, 7200)


@pytest.mark.parametrize(
    ("image", "architecture"),
    [
        ("python:3.12-slim", None),
        ("amd64/python:3.12", "x86_64"),
        ("arm64v8/python:3.12", "arm64"),
        ("registry.example:5000/arm64v8/python:3.12", "arm64"),
        ("my/amd64-tools:1", None),
    ],
)
def test_an_image_may_name_the_one_architecture_that_it_is_for(image: str, architecture: str | None) -> None:
    assert job_request.demand(node(image), 60).architecture == architecture
