# SPDX-License-Identifier: Apache-2.0
"""A run as a person sees it: started from the page, watched on the canvas, its log read, its result kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

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
RUN_SECONDS = 120_000


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


def box(page: Page, label: str) -> Any:
    return page.locator(".react-flow__node").filter(has_text=label)


@pytest.mark.timeout(400)
def test_a_run_is_started_with_params_watched_and_its_result_downloaded(
    page: Page, deployment: Deployment, tmp_path: Path
) -> None:
    show_run(page, "watched", first_run(deployment, "watched"))
    page.get_by_role("button", name="Run again").click()
    dialog = page.get_by_role("dialog", name="Run Two steps watched")
    dialog.get_by_label("Scale").fill("7")
    dialog.get_by_role("button", name="Run", exact=True).click()
    expect(dialog).to_be_hidden()

    expect(box(page, "Train")).to_contain_text("succeeded", timeout=RUN_SECONDS)
    expect(
        page.get_by_role("banner").or_(page.locator("header")).get_by_text("succeeded").first
    ).to_be_visible(timeout=30_000)

    box(page, "Clean").click()
    details = page.get_by_role("complementary", name="Details")
    expect(details.get_by_role("log")).to_contain_text("clean begins")
    details.get_by_role("button", name="Show").click()
    expect(details.get_by_role("region", name="Table table.csv")).to_contain_text("7")

    box(page, "Train").click()
    with page.expect_download() as download:
        details.get_by_role("link", name="Download model.txt").click()
    download.value.save_as(tmp_path / "model.txt")
    assert (tmp_path / "model.txt").read_text() == "trained on first,7"


@pytest.mark.timeout(400)
def test_a_failed_node_says_why_and_what_to_do(page: Page, deployment: Deployment) -> None:
    show_run(page, "failing", first_run(deployment, "failing", train=BROKEN))

    expect(box(page, "Train")).to_contain_text("failed", timeout=RUN_SECONDS)
    page.get_by_role("region", name="What failed").get_by_role("button", name="Train").click()

    why = page.get_by_role("region", name="Why it failed")
    expect(why).to_contain_text("the table has no column called age")
    expect(why.get_by_text("What to do")).to_be_visible()
    expect(box(page, "Clean")).to_contain_text("succeeded")


@pytest.mark.timeout(400)
def test_a_part_of_a_graph_runs_again_with_what_stood_before_it(page: Page, deployment: Deployment) -> None:
    first = first_run(deployment, "partly")
    deployment.end_of("deflow_partly", first)
    show_run(page, "partly", first)
    box(page, "Train").click()

    page.get_by_role("button", name="Run only this").click()
    dialog = page.get_by_role("dialog", name="Run a part")
    expect(dialog).to_contain_text("Only train runs")
    dialog.get_by_role("button", name="Run", exact=True).click()

    expect(page).not_to_have_url(re.compile(re.escape(first).replace(":", "(:|%3A)")))
    expect(box(page, "Train")).to_contain_text("succeeded", timeout=RUN_SECONDS)
    expect(box(page, "Clean")).to_contain_text("reused")


@pytest.mark.timeout(400)
def test_the_list_shows_the_last_run_and_finds_a_graph(page: Page, deployment: Deployment) -> None:
    run_id = first_run(deployment, "listed")
    deployment.end_of("deflow_listed", run_id)
    page.goto("/plugin/deflow")

    page.get_by_role("searchbox", name="Search graphs").fill("listed")
    row = page.get_by_role("row").filter(has_text="Two steps listed")
    expect(row).to_contain_text("succeeded")
    expect(page.get_by_role("status")).to_have_text("1 graph")
    page.get_by_role("searchbox").fill("no graph is called so")
    expect(page.get_by_text("Nothing matches")).to_be_visible()
