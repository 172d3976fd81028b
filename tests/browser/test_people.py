# SPDX-License-Identifier: Apache-2.0
"""For people of all kinds: who needs a screen reader, who works in the dark, who draws a very large graph."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.api.people import OUTSIDER, Asking
from tests.api.server import Server
from tests.benchmarks import large
from tests.browser.conftest import WWW
from tests.browser.drawing import box, open_graph, saved

ALGORITHM = {"code": "print(1)"}
# Only the page's own part; the rest is Airflow's.
AXE = """async () => {
  const { violations } = await axe.run(".deflow", { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] });
  return violations.map(({ id, nodes }) => id + ": " + nodes.map((node) => node.html).join("\\n")); }"""


def violations(page: Page) -> list[str]:
    page.add_script_tag(path=WWW / "node_modules" / "axe-core" / "axe.min.js")
    return list(page.evaluate(AXE))


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_the_editor_has_no_fault_that_axe_finds(
    log_in: Callable[..., BrowserContext], ask: Asking, mode: str
) -> None:
    slug = f"axe_{mode}"
    note = {"id": "note", "text": "Ask Ada first"}
    nodes = [
        {"id": "a", "position": {"x": 0, "y": 0}, "data": {"algorithm": ALGORITHM}},
        {"id": "b", "position": {"x": 300, "y": 0}, "data": {"algorithm": {"did": "no did"}}},
    ]
    ask.create({"slug": slug, "nodes": nodes, "edges": [{"source": "a", "target": "b"}], "notes": [note]})
    browser = log_in(color_scheme=mode, reduced_motion="reduce")
    # Where Airflow's own switch keeps what was chosen.
    browser.add_init_script(f"localStorage.setItem('theme', {json.dumps(mode)})")
    page = browser.new_page()
    open_graph(page, slug)
    expect(page.locator(f'.deflow[data-mode="{mode}"]')).to_be_visible()
    assert violations(page) == []
    box(page, "a").click()
    assert violations(page) == []
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert violations(page) == []


def test_five_hundred_boxes_are_panned_fluently(
    page: Page, ask: Asking, record_property: Callable[[str, object], None]
) -> None:
    ask.create(large.document())
    frames = large.frames(page)
    record_property("frames_per_second", frames)
    print(f"{frames:.0f} frames per second")
    # A browser without a GPU on two shared cores; with one it is the screen's own rate.
    assert frames > 15
    page.keyboard.press("n")
    saved(page)
    assert len(ask.get("/graphs/large")["document"]["nodes"]) == large.NODES + 1


@pytest.mark.parametrize("path", ["", "/graphs/hidden", "/graphs/hidden/runs/manual_1"])
def test_who_may_not_see_a_graph_is_told_so_and_whom_to_ask(
    log_in: Callable[..., BrowserContext], airflow: Server, ask: Asking, path: str
) -> None:
    if ask("GET", "/graphs/hidden").status_code == 404:
        ask.create({"slug": "hidden", "nodes": [], "edges": []})
    page = log_in("viewer").new_page()
    # Who has no role at all does not get as far as this page in Airflow: only DeFlow's requests are theirs.
    as_outsider = {"authorization": f"Bearer {airflow.tokens[OUTSIDER]}"}
    page.route(
        "**/deflow/api/**", lambda route: route.continue_(headers={**route.request.headers, **as_outsider})
    )
    page.goto(f"/plugin/deflow{path}")
    alert = page.get_by_role("alert")
    expect(alert.get_by_role("heading", name="You may not see this")).to_be_visible()
    expect(alert).to_contain_text("ask who manages its roles")
    expect(page.locator(".react-flow")).to_have_count(0)
    assert violations(page) == []
