# SPDX-License-Identifier: Apache-2.0
"""Drawings to begin with: one box, two boxes, and the example of `deflow demo` where scikit-learn is."""

from __future__ import annotations

import io
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from airflow_provider_deflow.api import access, catalogue_values
from airflow_provider_deflow.api.faults import documented
from airflow_provider_deflow.example import data, graph
from airflow_provider_deflow.hooks.storage import content_store

router = APIRouter(tags=["catalogue"])


@router.get("/templates", dependencies=[access.SeesDags], responses=documented())
def list_templates() -> catalogue_values.TemplateList:
    """Drawings to begin with; save one under a slug of your own."""
    documents = [_one_box(), _two_boxes(), *_example()]
    return catalogue_values.TemplateList(
        templates=[
            catalogue_values.Template(
                slug=document["slug"],
                name=document["name"],
                description=document["description"],
                document=document,
            )
            for document in documents
        ]
    )


def _one_box() -> dict[str, Any]:
    says = ["Path('/data/outputs/hello.txt').write_text('hello')"]
    return {
        "slug": "one-box",
        "name": "One box",
        "description": "A few lines of Python on an Ocean Node.",
        "nodes": [_box("hello", "Say hello", 0, says)],
        "edges": [],
    }


def _two_boxes() -> dict[str, Any]:
    writes = ["Path('/data/outputs/numbers.txt').write_text('1 2 3')"]
    reads = [
        "numbers = Path('/data/inputs/numbers.txt').read_text().split()",
        "Path('/data/outputs/sum.txt').write_text(str(sum(map(int, numbers))))",
    ]
    return {
        "slug": "two-boxes",
        "name": "Two boxes",
        "description": "One writes a file, the other reads it.",
        "nodes": [_box("write", "Write numbers", 0, writes), _box("add", "Add them", 320, reads)],
        "edges": [
            {"id": "write-add", "source": "write", "target": "add", "data": {"files": ["numbers.txt"]}}
        ],
    }


def _box(node_id: str, label: str, x: int, lines: list[str]) -> dict[str, Any]:
    code = "\n".join(["from pathlib import Path", "", *lines, ""])
    return {
        "id": node_id,
        "type": "compute",
        "position": {"x": x, "y": 0},
        "data": {"label": label, "algorithm": {"code": code}},
    }


def _example() -> list[dict[str, Any]]:
    """With its hospitals' files in the storage, as if uploaded; none without the extra `example`."""
    store = content_store()
    uploads = {}
    for name, content in _records().items():
        uploads[name], _ = store.put(io.BytesIO(content))
    return [graph.document(uploads)] if uploads else []


@cache
def _records() -> dict[str, bytes]:
    with tempfile.TemporaryDirectory(prefix="deflow-example-") as folder:
        try:
            return {name: path.read_bytes() for name, path in data.write_csv(Path(folder)).items()}
        except ImportError:
            return {}
