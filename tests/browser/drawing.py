# SPDX-License-Identifier: Apache-2.0
"""What a person does on the canvas, in words."""

from __future__ import annotations

from playwright.sync_api import Locator, Page, expect

from tests.api.people import Asking


def open_graph(page: Page, slug: str) -> None:
    page.goto(f"/plugin/deflow/graphs/{slug}")
    expect(page.get_by_role("button", name="← Graphs")).to_be_visible()


def box(page: Page, node: str) -> Locator:
    return page.locator(f'.react-flow__node[data-id="{node}"]')


def arrow(page: Page, edge: str) -> Locator:
    return page.locator(f'.react-flow__edge[data-id="{edge}"]')


def drag_arrow(page: Page, source: str, target: str) -> None:
    """From the right side of one box to the left side of another."""
    start = middle(box(page, source).locator(".react-flow__handle.source"))
    end = middle(box(page, target).locator(".react-flow__handle.target"))
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(end[0] - 40, end[1], steps=4)
    page.mouse.move(*end, steps=4)
    page.mouse.up()


def middle(part: Locator) -> tuple[float, float]:
    """Of what is drawn, at whatever size."""
    at = part.bounding_box()
    assert at
    return at["x"] + at["width"] / 2, at["y"] + at["height"] / 2


def saved(page: Page) -> None:
    """All that was drawn is on the server."""
    expect(page.locator('[role="status"][data-state="saved"]')).to_be_visible()


def shape(ask: Asking, slug: str) -> tuple[list[str], list[str]]:
    """Ids of boxes and `source>target` of arrows, as the server has them."""
    document = ask.get(f"/graphs/{slug}")["document"]
    nodes = sorted(node["id"] for node in document["nodes"])
    return nodes, sorted(f"{edge['source']}>{edge['target']}" for edge in document["edges"])
