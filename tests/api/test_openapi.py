# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document is complete, and `openapi.json` is the one that the routes make."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import airflow_provider_deflow.api as api

KEPT = Path(api.__file__).with_name("openapi.json")
OPEN = "/api/v1/files/{token}/{name}"


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home = tmp_path_factory.mktemp("home")
    command = [sys.executable, "-m", "airflow_provider_deflow.api"]
    run = subprocess.run(
        command,
        capture_output=True,
        check=True,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path), "AIRFLOW_HOME": str(home)},
    )
    return json.loads(run.stdout)


def operations(document: Any) -> Iterator[tuple[str, str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def test_the_kept_document_is_that_of_the_routes(document: Any) -> None:
    assert json.loads(KEPT.read_text(encoding="utf-8")) == document, (
        "write it again: python -m airflow_provider_deflow.api > airflow_provider_deflow/api/openapi.json"
    )


def test_every_route_is_described_and_names_its_errors(document: Any) -> None:
    for path, method, operation in operations(document):
        assert operation["tags"], (path, method)
        assert operation["description"], (path, method)
        if path != OPEN:
            assert {"401", "403", "422", "503"} <= operation["responses"].keys(), (path, method)
            assert operation["security"], (path, method)


def test_every_error_has_the_one_shape(document: Any) -> None:
    shapes = {
        answer["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        for _, _, operation in operations(document)
        for status, answer in operation["responses"].items()
        if status >= "4"
    }
    assert shapes == {"Fault", "Conflict"}


def test_every_value_has_an_example(document: Any) -> None:
    bare = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, about in schema.get("properties", {}).items()
        if not has_example(about, document)
    ]
    assert bare == []


def has_example(about: Any, document: Any) -> bool:
    """Its own, or those of the values it is made of."""
    if "examples" in about or "$ref" in about or about.get("type") == "boolean":
        return True
    parts = [about.get("items"), about.get("additionalProperties"), *about.get("anyOf", [])]
    return any(isinstance(part, dict) and has_example(part, document) for part in parts)
