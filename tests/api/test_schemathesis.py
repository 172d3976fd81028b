# SPDX-License-Identifier: Apache-2.0
"""Whatever is sent, made up from the OpenAPI document: no answer is a failure, and all are as described."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, assume, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

import airflow_provider_deflow.api as api
from tests.api.people import drawing
from tests.api.server import Server

pytestmark = pytest.mark.stack

SCHEMA = schemathesis.openapi.from_path(Path(api.__file__).with_name("openapi.json"))
OPERATIONS = {each.ok().label: each.ok() for each in SCHEMA.get_all_operations()}  # type: ignore[union-attr]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
# What is there, so that more than 404 is seen.
SLUG = "schemathesis"
EXAMPLES = 15
# It takes any text, so there is nothing that it would refuse.
TAKES_ALL = "GET /api/v1/files/{token}/{name}"
CASES = [
    (label, mode) for label in OPERATIONS for mode in GenerationMode if label != TAKES_ALL or mode.is_positive
]


@pytest.fixture(scope="module")
def base_url(api_server: Server) -> str:
    admin = api_server.ask("admin")
    admin.create(drawing(SLUG))
    admin.publish(SLUG, 1)
    api_server.read_dags()
    return f"{api_server.url}/deflow"


@pytest.mark.parametrize(("label", "mode"), CASES, ids=lambda each: getattr(each, "value", each))
def test_schemathesis_finds_no_failure_of_ours(
    api_server: Server, base_url: str, label: str, mode: GenerationMode
) -> None:
    login = {"authorization": f"Bearer {api_server.tokens['admin']}"}

    @given(case=OPERATIONS[label].as_strategy(generation_mode=mode))
    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def is_answered(case: Any) -> None:
        slug = case.path_parameters.get("slug")
        if isinstance(slug, str) and len(slug) % 2:
            case.path_parameters["slug"] = SLUG
        response = case.call(base_url=base_url, headers=login)
        # An address with a line break is none of a mounted application: Airflow's own server says 404.
        assume("%0A" not in response.request.url)
        # The Ocean Node is away, which is told as that.
        is_away = response.status_code == 504 and response.json()["error"] == "ocean_node_unreachable"
        case.validate_response(response, checks=CHECKS[1:] if is_away else CHECKS)

    is_answered()
