# SPDX-License-Identifier: Apache-2.0
"""The list, and the forms beside the canvas: what is entered is saved, what is wrong says so at its field."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from airflow_provider_deflow import errors
from tests.browser.whole_stack.two_steps import box, two_nodes
from tests.e2e.conftest import Deployment

# Airflow begins, two transactions are mined, the Ocean Node indexes.
PUBLISH_MS = 120_000
# With a chain, for assets and quotes.
pytestmark = pytest.mark.chain

DRAWINGS = Path(__file__).parents[2] / "graphs" / "drawings"


def drawn(deployment: Deployment, slug: str) -> None:
    deployment.store.save(two_nodes(slug), based_on=None, author="tests")


def open_graph(page: Page, slug: str) -> Locator:
    """The graph in the editor; its inspector."""
    page.goto(f"/plugin/deflow/graphs/{slug}")
    expect(box(page, "Clean")).to_be_visible()
    return page.get_by_role("group", name="Properties")


def saved(deployment: Deployment, slug: str, is_so: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """The draft, once it `is_so`: the editor saves by itself."""
    give_up_at = time.monotonic() + 15
    while True:
        document = dict(deployment.store.draft(slug).document)
        if is_so(document) or time.monotonic() > give_up_at:
            return document
        time.sleep(0.2)


def test_a_node_is_filled_in_and_saved(page: Page, deployment: Deployment, tmp_path: Path) -> None:
    drawn(deployment, "filled")
    form = open_graph(page, "filled")
    box(page, "Clean").click()
    form.get_by_label("Label").fill("Wash")
    form.get_by_label("Image").fill("python:3.12-slim")
    environment = form.get_by_label("Environment", exact=True)
    expect(environment.locator("option")).not_to_have_count(1)
    expect(environment.locator("option").nth(1)).to_contain_text("free")
    patients = tmp_path / "patients.csv"
    patients.write_text("a,b\n1,2\n")
    form.get_by_label("Files to upload").set_input_files(patients)
    expect(form.get_by_label("Name for the algorithm")).to_have_value("patients.csv")

    node = saved(deployment, "filled", lambda one: bool(one["nodes"][0]["data"].get("datasets")))["nodes"][0]
    assert node["data"]["label"] == "Wash"
    assert node["data"]["algorithm"]["image"] == "python:3.12-slim"
    (dataset,) = node["data"]["datasets"]
    with deployment.content.open(dataset["upload"]) as kept:
        assert kept.read() == b"a,b\n1,2\n"


def test_what_is_wrong_stands_at_its_field(page: Page, deployment: Deployment) -> None:
    drawn(deployment, "wrong")
    form = open_graph(page, "wrong")
    box(page, "Train").click()
    image = form.get_by_label("Image")
    image.fill("not an image")

    expect(image).to_have_attribute("aria-invalid", "true", timeout=10_000)
    expect(form.get_by_text("must be a container image with its tag or checksum")).to_be_visible()
    image.fill("python:3.11")
    expect(image).not_to_have_attribute("aria-invalid", "true", timeout=10_000)


def test_code_is_undone_and_redone(page: Page, deployment: Deployment) -> None:
    drawn(deployment, "undone")
    form = open_graph(page, "undone")
    box(page, "Train").click()
    code = form.get_by_role("textbox", name="Code")
    code.click()
    page.keyboard.press("Control+End")
    page.keyboard.type("# added")

    page.get_by_role("button", name="Undo").click()
    expect(code).not_to_contain_text("# added")
    page.get_by_role("button", name="Redo").click()
    expect(code).to_contain_text("# added")


def test_a_renamed_node_keeps_its_edges(page: Page, deployment: Deployment) -> None:
    drawn(deployment, "renamed")
    form = open_graph(page, "renamed")
    box(page, "Clean").click()
    form.get_by_label("Id", exact=True).fill("train")
    expect(form.get_by_text("is the id of another node")).to_be_visible()
    form.get_by_label("Id", exact=True).fill("wash")
    form.get_by_label("Id", exact=True).press("Enter")

    document = saved(deployment, "renamed", lambda one: one["nodes"][0]["id"] == "wash")
    assert [node["id"] for node in document["nodes"]] == ["wash", "train"]
    assert [(edge["source"], edge["target"]) for edge in document["edges"]] == [("wash", "train")]


def test_a_schedule_and_a_handover_are_explained_in_words(page: Page, deployment: Deployment) -> None:
    drawn(deployment, "explained")
    form = open_graph(page, "explained")
    form.get_by_label("Cron").fill("0 6 * * 1-5")
    expect(form.get_by_text("Runs at 06:00, Monday through Friday (UTC).")).to_be_visible()

    page.locator(".react-flow__edge").first.click(force=True)
    form.get_by_label("Handover").select_option("url")
    expect(form.get_by_text("from a signed address that expires")).to_be_visible()
    document = saved(
        deployment, "explained", lambda one: one["edges"][0].get("data", {}).get("handover") == "url"
    )
    assert document["schedule"]["cron"] == "0 6 * * 1-5"
    assert document["edges"][0]["data"] == {"files": ["table.csv"], "handover": "url"}


def test_a_graph_is_made_duplicated_and_deleted(page: Page, deployment: Deployment) -> None:
    page.goto("/plugin/deflow")
    page.get_by_role("button", name="New graph").first.click()
    page.get_by_role("dialog").get_by_label("Name").fill("Made here")
    page.get_by_role("button", name="Create").click()
    page.wait_for_url("**/graphs/made-here")

    page.goto("/plugin/deflow")
    page.get_by_role("button", name="Duplicate Made here").click()
    page.get_by_role("dialog").get_by_role("button", name="Duplicate").click()
    page.wait_for_url("**/graphs/made-here-copy")
    assert deployment.store.draft("made-here-copy").document["name"] == "Made here (copy)"

    page.goto("/plugin/deflow")
    page.get_by_role("button", name="Delete Made here (copy)").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("row").filter(has_text="made-here-copy")).to_have_count(0)
    with pytest.raises(errors.GraphNotFound):
        deployment.store.draft("made-here-copy")


def test_an_original_deflow_document_is_looked_at_before_it_is_saved(
    page: Page, deployment: Deployment
) -> None:
    page.goto("/plugin/deflow")
    page.get_by_role("button", name="Import").first.click()
    dialog = page.get_by_role("dialog", name="Import a drawing")
    dialog.get_by_label("JSON file to import").set_input_files(DRAWINGS / "deflow-experiment.json")
    dialog.get_by_label("Slug").fill("from-the-original")
    dialog.get_by_role("button", name="Look at it").click()
    expect(dialog.get_by_role("region", name="What it becomes")).to_contain_text("5 nodes, 6 edges.")
    with pytest.raises(errors.GraphNotFound):
        deployment.store.draft("from-the-original")

    dialog.get_by_role("button", name="Save it").click()
    page.wait_for_url("**/graphs/from-the-original")
    assert len(deployment.store.draft("from-the-original").document["nodes"]) == 5


@pytest.mark.chain
@pytest.mark.timeout(400)
def test_a_dataset_is_published_by_form_used_in_the_node_and_found_again_by_its_name(
    page: Page, deployment: Deployment, tmp_path: Path
) -> None:
    drawn(deployment, "assets")
    form = open_graph(page, "assets")
    box(page, "Clean").click()
    form.get_by_role("button", name="Publish a new one…").click()
    asset = page.get_by_role("dialog")
    for label, text in (("Name", "Rain of Braunschweig"), ("Description", "Daily."), ("Author", "We")):
        asset.get_by_label(label, exact=True).fill(text)
    rain = tmp_path / "rain.csv"
    rain.write_text("day,mm\n1,2\n")
    asset.get_by_label("Files of the asset").set_input_files(rain)
    expect(asset.get_by_text("rain.csv")).to_be_visible()
    asset.get_by_role("button", name="Publish", exact=True).click()

    use = asset.get_by_role("button", name="Use in the node")
    expect(use).to_be_visible(timeout=PUBLISH_MS)
    expect(asset.get_by_role("list", name="Transactions").get_by_role("listitem")).to_have_count(2)
    use.click()
    expect(form.get_by_text("Rain of Braunschweig")).to_be_visible()
    expect(form.get_by_text("takes no code of your own")).to_be_visible()
    document = saved(deployment, "assets", lambda one: bool(one["nodes"][0]["data"].get("datasets")))
    [dataset] = document["nodes"][0]["data"]["datasets"]

    form.get_by_role("button", name="Add a DID").click()
    second = form.get_by_role("combobox", name="Dataset").nth(1)
    second.fill("braunschweig")
    expect(page.get_by_role("option").filter(has_text="Rain of Braunschweig")).to_be_visible()
    second.press("ArrowDown")
    second.press("Enter")
    expect(second).to_have_value(dataset["did"])


@pytest.mark.chain
def test_a_quote_tells_each_paid_node_and_what_exceeds_the_budget(page: Page, deployment: Deployment) -> None:
    document = two_nodes("quoted") | {"budget": {"per_run": "0.01"}}
    document["nodes"][1]["data"] |= {"payment": {"mode": "paid"}, "max_duration_seconds": 120}
    deployment.store.save(document, based_on=None, author="tests")
    open_graph(page, "quoted")
    page.get_by_role("button", name="Quote").click()
    cost = page.get_by_role("dialog").get_by_role("region", name="What it would cost")
    train = cost.get_by_role("row").filter(has_text="Train")
    expect(train.get_by_role("cell").nth(1)).to_have_text("2")  # minutes
    expect(cost.get_by_text("Free: Clean.")).to_be_visible()
    expect(cost.get_by_role("alert")).to_contain_text("a run would be refused before its first payment")
