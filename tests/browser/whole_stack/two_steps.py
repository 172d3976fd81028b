# SPDX-License-Identifier: Apache-2.0
"""A graph of two steps, and what a person does with it and with its runs."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Deployment
from tests.e2e.drawn import algorithm

CLEAN = """\
import os
print("clean begins", flush=True)
scale = os.environ["SCALE"]
with open("/data/outputs/table.csv", "w") as file:
    file.write(f"name,value\\nfirst,{scale}\\n")
"""
TRAIN = """\
rows = open("/data/inputs/table.csv").read().splitlines()
print("rows", len(rows), flush=True)
open("/data/outputs/model.txt", "w").write("trained on " + rows[1])
"""
BROKEN = """\
raise SystemExit("the table has no column called age")
"""
RUN_MS = 120_000


def two_nodes(slug: str, train: str = TRAIN) -> dict[str, Any]:
    return {
        "slug": slug,
        "name": f"Two steps {slug}",
        "params": {"scale": {"default": 1, "schema": {"type": "integer", "title": "Scale"}}},
        "defaults": {"retries": 0},
        "nodes": [
            {
                "id": "clean",
                "position": {"x": 0, "y": 0},
                "data": {
                    "label": "Clean",
                    "algorithm": algorithm(CLEAN),
                    "environment_variables": {"SCALE": "{{ params.scale }}"},
                },
            },
            {
                "id": "train",
                "position": {"x": 320, "y": 60},
                "data": {"label": "Train", "algorithm": algorithm(train)},
            },
        ],
        "edges": [{"source": "clean", "target": "train", "data": {"files": ["table.csv"]}}],
    }


def first_run(deployment: Deployment, slug: str, **document: Any) -> str:
    """The graph published and run once; the run's id."""
    return deployment.run(deployment.publish(two_nodes(slug, **document)))


def show_run(page: Page, slug: str, run_id: str) -> None:
    page.goto(f"/plugin/deflow/graphs/{slug}/runs/{run_id}")
    expect(box(page, "Clean")).to_be_visible()


def box(page: Page, label: str) -> Locator:
    return page.locator(".react-flow__node").filter(has_text=label)
