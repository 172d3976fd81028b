# SPDX-License-Identifier: Apache-2.0
"""Whole ways of a person through the page: from an empty list, or a document of old, to a result.

What each part of a run shows is in test_runs.py beside this; drawing without running it, a folder above.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from airflow_provider_deflow import example
from airflow_provider_deflow.example import data, graph
from tests.browser import drawing
from tests.browser.whole_stack import original
from tests.browser.whole_stack.two_steps import BROKEN, RUN_MS, TRAIN, box, two_nodes
from tests.e2e.conftest import Deployment
from tests.example.conftest import Container
from tests.example.test_algorithms import computed
from tests.local_ocean_node.file_server import FileServer, running_file_server

pytestmark = [pytest.mark.stack, pytest.mark.chain, pytest.mark.timeout(400)]

ALGORITHMS = Path(example.__file__).parent
DOWNLOAD = "Download results.tar"


def test_the_example_is_drawn_from_nothing_and_gives_its_known_result(page: Page, tmp_path: Path) -> None:
    files = data.write_csv(tmp_path)
    variables = [
        node["data"].get("environment_variables")
        for node in graph.document(dict.fromkeys(files, ""))["nodes"]
    ]
    page.goto("/plugin/deflow")
    page.get_by_role("button", name="New graph").first.click()
    page.get_by_role("dialog").get_by_label("Name").fill("By hand")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_text("Nothing is drawn yet")).to_be_visible()

    canvas = page.locator(".react-flow__pane")
    sources = {"prepare-a": "prepare", "prepare-b": "prepare", "select-features": "select_features"}
    for row, (name, source) in enumerate(sources.items()):
        code = (ALGORITHMS / f"{source}.py").read_text()
        drawing.drop(page, canvas, f"{name}.py", code, x=330, y=120 + 150 * row)
        expect(drawing.box(page, name)).to_be_visible()
    palette = page.get_by_role("navigation", name="Palette")
    palette.get_by_role("button", name="Python").drag_to(canvas, target_position={"x": 540, "y": 560})
    fill_in(page, "python", "predict", (ALGORITHMS / "predict.py").read_text())
    for name, file, notation in zip(("prepare-a", "prepare-b"), files, variables, strict=False):
        drawing.drop(page, drawing.box(page, name), file, files[file].read_text())
        drawing.box(page, name).click()
        set_variables(page, notation or {})
    canvas.click(position={"x": 5, "y": 5})
    for source, target in (
        ("prepare-a", "select-features"),
        ("prepare-b", "select-features"),
        ("select-features", "predict"),
    ):
        drawing.drag_arrow(page, source, target)
        expect(drawing.arrow(page, f"{source}-{target}")).to_be_attached()
    page.keyboard.press("l")
    drawing.arrow(page, "select-features-predict").click(force=True)
    page.get_by_label("Files").fill("selected.csv\nselection.csv")
    page.get_by_label("Files").blur()

    drawing.publish(page, 1)
    drawing.start_run(page)
    known = computed(Container.of_this_machine(), files, tmp_path / "known")
    expect_the_end(page, "succeeded")

    with page.expect_download() as download:
        page.get_by_role("link", name=DOWNLOAD).click()
    download.value.save_as(tmp_path / "results.tar")
    with tarfile.open(tmp_path / "results.tar") as tar:
        result = {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    assert {name: content for name, content in result.items() if name.startswith("predict/")} == {
        f"predict/{path.name}": path.read_bytes() for path in known.predicted.iterdir()
    }
    drawing.box(page, "predict").click()
    expect(page.get_by_role("log")).to_contain_text(known.log.splitlines()[0])


def test_a_broken_node_is_read_about_mended_and_run_from_there(page: Page, deployment: Deployment) -> None:
    before = {job.job_id for job in deployment.jobs()}
    deployment.store.save(two_nodes("mended"), based_on=None, author="tests")
    page.goto("/plugin/deflow/graphs/mended")
    box(page, "Train").click()
    drawing.write_code(page, BROKEN)
    drawing.publish(page, 1)
    drawing.start_run(page)

    expect_the_end(page, "failed")
    page.get_by_role("region", name="What failed").get_by_role("button", name="Train").click()
    why = page.get_by_role("region", name="Why it failed")
    expect(why).to_contain_text("the table has no column called age")

    drawing.edit(page)
    box(page, "Train").click()
    drawing.write_code(page, TRAIN)
    drawing.publish(page, 2)
    page.get_by_role("button", name="Runs").click()
    expect(page.locator("header").get_by_text("failed")).to_be_visible()
    failed_run = page.url
    box(page, "Train").click()
    page.get_by_role("button", name="Run from here").click()
    page.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url(lambda url: url != failed_run)

    expect_the_end(page, "succeeded")
    expect(box(page, "Clean")).to_contain_text("reused")
    outcomes = sorted(str(job.outcome) for job in deployment.jobs() if job.job_id not in before)
    assert outcomes == ["failed", "succeeded", "succeeded"]  # Clean once, Train twice


def test_a_document_of_the_original_deflow_is_imported_published_and_run_to_its_end(
    page: Page, deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FileServer.files, "/lines.py", original.ALGORITHM)
    monkeypatch.setitem(FileServer.files, "/rows.txt", original.DATA)
    with running_file_server() as files:
        drawn = tmp_path / "of-old.json"
        drawn.write_text(json.dumps(original.document(deployment, files)))
        page.goto("/plugin/deflow")
        page.get_by_role("button", name="Import").first.click()
        dialog = page.get_by_role("dialog", name="Import a drawing")
        dialog.get_by_label("JSON file to import").set_input_files(drawn)
        dialog.get_by_label("Slug").fill("of-old")
        dialog.get_by_role("button", name="Look at it").click()
        said = dialog.get_by_role("region", name="What it becomes")
        expect(said).to_contain_text("It has no problems.")
        wanted = re.search(r"'(ocean_node_\w+)' here: make that Airflow connection", said.inner_text())
        assert wanted
        deployment.connect(wanted[1])
        dialog.get_by_role("button", name="Save it").click()
        page.wait_for_url("**/graphs/of-old")
        drawing.publish(page, 1)
        drawing.start_run(page)
        expect_the_end(page, "succeeded")

    box(page, "Prediction").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download lines.txt").click()
    assert Path(download.value.path()).read_text().count("\n") + 1 == original.LINES_IN_THE_END


def test_by_keyboard_alone_one_comes_from_the_list_to_the_log_of_a_run(page: Page) -> None:
    page.goto("/plugin/deflow")
    press(page, page.get_by_role("button", name="New graph").first)
    page.keyboard.type("By keys")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing is drawn yet")).to_be_visible()
    for key in ("n", "n", "Control+a", "e", "l"):
        page.keyboard.press(key)
    expect(drawing.arrow(page, "python-python_2")).to_be_attached()
    press(page, page.get_by_role("button", name="Publish", exact=True))
    page.keyboard.type("drawn by keys")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Published as revision 1.")).to_be_visible()
    press(page, page.get_by_role("button", name="Run", exact=True))
    press(page, page.get_by_role("dialog").get_by_role("button", name="Run", exact=True))
    page.wait_for_url("**/runs/*")

    press(page, drawing.box(page, "python"))
    expect(page.get_by_role("log")).to_contain_text("exit code", timeout=RUN_MS)


def press(page: Page, part: Locator) -> None:
    expect(part).to_be_enabled()
    drawing.tab_to(page, part)
    page.keyboard.press("Enter")


def fill_in(page: Page, old: str, new: str, code: str) -> None:
    """A box's id and its code, in the inspector."""
    drawing.box(page, old).click()
    drawing.write_code(page, code)
    page.get_by_label("Id", exact=True).fill(new)
    page.get_by_label("Id", exact=True).press("Enter")
    expect(drawing.box(page, new)).to_be_visible()


def set_variables(page: Page, variables: Mapping[str, str]) -> None:
    page.locator("summary").filter(has_text="Environment variables").click()
    for name, value in variables.items():
        page.get_by_label("Name of a new variable").fill(name)
        page.get_by_label("Name of a new variable").press("Enter")
        page.get_by_label(f"Value of {name}").fill(value)
        page.get_by_label(f"Value of {name}").press("Enter")


def expect_the_end(page: Page, state: str) -> None:
    """Of the run that the page shows."""
    expect(page.locator("header").get_by_text(state)).to_be_visible(timeout=RUN_MS)
