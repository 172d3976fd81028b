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


def drop(page: Page, onto: Locator, name: str, content: str, x: int = 0, y: int = 0) -> None:
    """A file, let go over a part of the page; over the canvas at a place of the window."""
    data = page.evaluate_handle(
        "([content, name]) => { const data = new DataTransfer();"
        " data.items.add(new File([content], name)); return data; }",
        [content, name],
    )
    onto.dispatch_event("drop", {"dataTransfer": data, "clientX": x, "clientY": y})


def write_code(page: Page, code: str) -> None:
    """In the place of what stands in the inspector's editor."""
    page.get_by_role("textbox", name="Code").click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text(code)


def publish(page: Page, revision: int) -> None:
    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text(f"Published as revision {revision}.")).to_be_visible()


def start_run(page: Page) -> None:
    """From the editor; the run's page is shown afterwards."""
    page.get_by_role("button", name="Run", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Run", exact=True).click()
    page.wait_for_url("**/runs/*")


def edit(page: Page) -> None:
    """From a run's page to the drawing; what is pressed afterwards is not pressed too early."""
    page.get_by_role("button", name="Edit the graph").click()
    expect(page.get_by_role("navigation", name="Palette")).to_be_visible()


def tab_to(page: Page, part: Locator) -> None:
    """By the keyboard alone, as far as it takes."""
    for _ in range(120):
        if part.evaluate("(part) => part === document.activeElement"):
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the Tab key does not lead to {part}")
