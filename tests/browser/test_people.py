# SPDX-License-Identifier: Apache-2.0
"""For people of all kinds: who needs a screen reader, who works in the dark, who draws a very large graph."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.api.people import Asking
from tests.browser.conftest import WWW
from tests.browser.drawing import box, open_graph, saved

ALGORITHM = {"code": "print(1)"}
# Only the page's own part; the rest is Airflow's.
AXE = """async () => {
  const { violations } = await axe.run(".deflow", { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"] });
  return violations.map(({ id, nodes }) => id + ": " + nodes.map((node) => node.html).join("\\n")); }"""
# Frames in one second, while the canvas is moved at every one of them.
FRAMES = """async () => {
  const pane = document.querySelector(".react-flow__pane");
  const send = (deltaY) => pane.dispatchEvent(new WheelEvent("wheel", { deltaY, bubbles: true }));
  const began = performance.now();
  let count = 0;
  while (performance.now() - began < 3000) {
    send(count % 2 ? 6 : -5);
    await new Promise(requestAnimationFrame);
    count += 1;
  }
  return (count * 1000) / (performance.now() - began); }"""


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
    size = 500
    nodes = [
        {
            "id": f"n{number}",
            "position": {"x": (number % 25) * 300, "y": (number // 25) * 130},
            "data": {"algorithm": ALGORITHM},
        }
        for number in range(size)
    ]
    edges = [
        {"source": f"n{number}", "target": f"n{number + step}"}
        for step in (1, 25, 26)
        for number in range(size - step)
    ][:1000]
    ask.create({"slug": "large", "nodes": nodes, "edges": edges})
    open_graph(page, "large")
    expect(page.locator(".react-flow__node").first).to_be_visible()
    page.keyboard.press("]")  # goes to the first box, at a size that can be read
    expect(box(page, "n0")).to_be_visible()
    frames = float(page.evaluate(FRAMES))
    record_property("frames_per_second", frames)
    print(f"{frames:.0f} frames per second")
    # A browser without a GPU on two shared cores; with one it is the screen's own rate.
    assert frames > 15
    page.keyboard.press("n")
    saved(page)
    assert len(ask.get("/graphs/large")["document"]["nodes"]) == size + 1
