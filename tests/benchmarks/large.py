# SPDX-License-Identifier: Apache-2.0
"""A drawing of 500 boxes and 1000 arrows, and how fluently a browser pans it."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

SLUG = "large"
NODES, EDGES = 500, 1000
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


def document() -> dict[str, Any]:
    nodes = [
        {
            "id": f"n{number}",
            "position": {"x": (number % 25) * 300, "y": (number // 25) * 130},
            "data": {"algorithm": {"code": "print(1)"}},
        }
        for number in range(NODES)
    ]
    edges = [
        {"source": f"n{number}", "target": f"n{number + step}"}
        for step in (1, 25, 26)
        for number in range(NODES - step)
    ]
    return {"slug": SLUG, "nodes": nodes, "edges": edges[:EDGES]}


def frames(page: Page) -> float:
    """In a second, of the drawing opened anew; boxes are shown at a size that can be read."""
    page.goto(f"/plugin/deflow/graphs/{SLUG}")
    expect(page.locator(".react-flow__node").first).to_be_visible()
    page.keyboard.press("]")
    expect(page.locator('.react-flow__node[data-id="n0"]')).to_be_visible()
    return float(page.evaluate(FRAMES))
