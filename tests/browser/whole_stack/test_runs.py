# SPDX-License-Identifier: Apache-2.0
"""A run as a person sees it: started from the page, watched on the canvas, its log read, its result kept."""

from __future__ import annotations

import re
import time
from collections.abc import Collection
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.drawing import edit, publish
from tests.browser.whole_stack.two_steps import BROKEN, RUN_MS, box, first_run, show_run
from tests.e2e.conftest import Deployment
from tests.e2e.rows import wait_for


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

    expect(box(page, "Train")).to_contain_text("succeeded", timeout=RUN_MS)
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

    expect(box(page, "Train")).to_contain_text("failed", timeout=RUN_MS)
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
    expect(box(page, "Train")).to_contain_text("succeeded", timeout=RUN_MS)
    expect(box(page, "Clean")).to_contain_text("reused")


@pytest.mark.timeout(400)
def test_the_list_shows_the_last_run_and_finds_a_graph(page: Page, deployment: Deployment) -> None:
    run_id = first_run(deployment, "listed")
    deployment.end_of("deflow_listed", run_id)
    page.goto("/plugin/deflow")

    page.get_by_role("searchbox", name="Search graphs").fill("listed")
    row = page.get_by_role("row").filter(has_text="Two steps listed")
    expect(row).to_contain_text("succeeded")
    expect(page.get_by_text("1 graph", exact=True)).to_be_visible()
    page.get_by_role("searchbox").fill("no graph is called so")
    expect(page.get_by_text("Nothing matches")).to_be_visible()


LONG = """\
import time
print("train begins", flush=True)
time.sleep(300)
"""


@pytest.mark.timeout(400)
def test_a_run_shows_the_graph_as_it_was_while_a_new_revision_is_drawn_and_published(
    page: Page, deployment: Deployment
) -> None:
    run_id = first_run(deployment, "in-between", train=LONG)
    show_run(page, "in-between", run_id)
    expect(box(page, "Train")).to_contain_text("computing", timeout=RUN_MS)
    edit(page)
    page.keyboard.press("n")
    expect(page.locator(".react-flow__node")).to_have_count(3)
    publish(page, 2)

    show_run(page, "in-between", run_id)
    expect(page.locator("header").first).to_contain_text("revision 1")
    expect(box(page, "Train")).to_contain_text("computing")
    expect(page.locator(".react-flow__node")).to_have_count(2)
    edit(page)
    expect(page.locator("header").first).to_contain_text("revision 2")
    expect(page.locator(".react-flow__node")).to_have_count(3)
    deployment.airflow.set_run_state("deflow_in-between", run_id, "failed")


@pytest.mark.timeout(400)
def test_a_run_that_is_stopped_from_the_page_leaves_no_job(page: Page, deployment: Deployment) -> None:
    before = {job.job_id for job in deployment.jobs()}
    show_run(page, "halted", first_run(deployment, "halted", train=LONG))
    expect(box(page, "Train")).to_contain_text("computing", timeout=RUN_MS)
    # Of a mark between worker and triggerer Airflow tells nobody; upkeep sees to it, minutes later.
    wait_for(lambda: is_watched(deployment, "deflow_halted"))

    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()

    expect(page.locator("header").get_by_text("failed")).to_be_visible(timeout=RUN_MS)
    expect(page.get_by_role("button", name="Stop", exact=True)).to_have_count(0)
    give_up_at = time.monotonic() + 60
    while "None" in (found := outcomes(deployment, before)) and time.monotonic() < give_up_at:
        time.sleep(0.5)
    assert found == ["stopped", "succeeded"]


def is_watched(deployment: Deployment, dag_id: str) -> bool:
    """Whether a triggerer has seen the job run."""
    logs = (deployment.up.home / "logs" / "tasks").glob(f"dag_id={dag_id}/**/*.trigger.*.log")
    return any("Running algorithm" in log.read_text() for log in logs)


def outcomes(deployment: Deployment, before: Collection[str]) -> list[str]:
    """Of the jobs that came since then."""
    return sorted(str(job.outcome) for job in deployment.jobs() if job.job_id not in before)
