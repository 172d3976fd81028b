# SPDX-License-Identifier: Apache-2.0
"""The published JSON Schema says what the model says."""

from __future__ import annotations

import jsonschema
import pytest
from hypothesis import given

from airflow_provider_deflow.graphs import Graph, schema
from tests.graphs.documents import SHAPES, documents, drawn, node

VALIDATOR = jsonschema.Draft202012Validator(schema.json_schema())


def test_the_schema_in_the_package_is_the_models():
    hint = "run `python -m airflow_provider_deflow.graphs.schema`"
    assert schema.FILE.read_text(encoding="utf-8") == schema.as_text(), hint


def test_the_schema_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(schema.json_schema())


@given(documents())
def test_the_schema_accepts_every_good_document_and_its_full_form(document):
    VALIDATOR.validate(document)
    VALIDATOR.validate(Graph.from_document(document).to_document())


@pytest.mark.parametrize("document", SHAPES.values(), ids=SHAPES)
def test_the_schema_accepts_view_state(document):
    seen = document | {"viewport": {"zoom": 1}}
    seen["nodes"] = [one | {"selected": True, "measured": {}} for one in document["nodes"]]
    VALIDATOR.validate(seen)


@pytest.mark.parametrize(
    "document",
    [
        {},
        drawn(nodes="a", slug="Bad Slug"),
        drawn(nodes="a", colour="red"),
        {"slug": "s", "nodes": [{"id": "a"}]},
        {"slug": "s", "nodes": [node("a", algorithm={"did": "x"})]},
        {"slug": "s", "nodes": [node("a", datasets=[{"upload": "x", "name": "y"}])]},
        {"slug": "s", "nodes": [node("a")], "edges": [{"source": "a"}]},
        {"slug": "s", "nodes": [node("a")], "budget": {"per_run": 5}},
    ],
)
def test_the_schema_refuses_what_cannot_be_read(document):
    assert not VALIDATOR.is_valid(document)
