# SPDX-License-Identifier: Apache-2.0
"""How long a person waits for the page, under what `deflow up` starts, in Debian's chromium without a GPU.

    python -m tests.benchmarks.page

* interactive: from the navigation to the first box that takes a click, of the example; cold is a browser that
  has never been here, warm one that has
* frames: in a second, while 500 boxes with 1000 arrows are panned at each of them
* triggerable: from publishing to where Airflow takes a run of it
"""

from __future__ import annotations

import gzip
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import pymongo
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, sync_playwright
from rich.console import Console

from airflow_provider_deflow import stack
from airflow_provider_deflow.example import data, graph
from airflow_provider_deflow.graphs.graph import Graph
from airflow_provider_deflow.graphs.store import GraphStore
from airflow_provider_deflow.ocean.outputs import ContentStore
from airflow_provider_deflow.stack.airflow_api import AirflowApi
from tests.benchmarks import large
from tests.browser.conftest import ARGUMENTS, WWW

TIMES = 5
# The browser's own clock begins with the navigation. A box takes clicks where nothing lies over it.
WATCH = """() => {
  const look = () => {
    const box = document.querySelector(".react-flow__node");
    const { x, y, width, height } = box?.getBoundingClientRect() ?? { x: 0, y: 0, width: 0, height: 0 };
    const top = box && document.elementFromPoint(x + width / 2, y + height / 2);
    if (top && box.contains(top)) performance.mark("deflow interactive");
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}"""
MARKED = """async () => {
  const mark = () => performance.getEntriesByName("deflow interactive")[0];
  while (!mark()) await new Promise(requestAnimationFrame);
  return mark().startTime / 1000;
}"""


def main() -> None:
    bundle = (WWW / "dist" / "deflow.js").read_bytes()
    with (
        tempfile.TemporaryDirectory(prefix="deflow-bench-") as home,
        stack.running(Path(home)) as up,
        AirflowApi(up.airflow_url, up.username, up.password) as airflow,
        pymongo.MongoClient(up.mongo_uri) as mongo,
        sync_playwright() as playwright,
    ):
        store = GraphStore(mongo["deflow"])
        content = ContentStore(Path(up.storage.removeprefix("file://")))
        store.save(_example(content), based_on=None, author="bench")
        store.save(large.document(), based_on=None, author="bench")
        triggerable = [_until_triggerable(store, airflow, f"published-{n}") for n in range(TIMES)]
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        state = _logged_in(chromium, up)
        cold = [_cold(chromium, up, state) for _ in range(TIMES)]
        with _context(chromium, up, state) as context:
            page = context.new_page()
            warm = [_interactive(page) for _ in range(TIMES + 1)][1:]
            frames = large.frames(page)
    console = Console(width=120)
    console.print(
        f"bundle           {len(bundle) / 1e3:.0f} kB, {len(gzip.compress(bundle)) / 1e3:.0f} kB gzipped"
    )
    for name, seconds in (
        ("interactive, cold", cold),
        ("interactive, warm", warm),
        ("triggerable", triggerable),
    ):
        console.print(
            f"{name:<17}{statistics.median(seconds):.2f} s, at most {max(seconds):.2f} s of {TIMES}"
        )
    console.print(f"frames           {frames:.0f} a second")


def _example(content: ContentStore) -> dict[str, Any]:
    uploads = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, path in data.write_csv(Path(folder)).items():
            with path.open("rb") as file:
                uploads[name], _ = content.put(file)
    return graph.document(uploads)


def _until_triggerable(store: GraphStore, airflow: AirflowApi, slug: str) -> float:
    document = {"slug": slug, "nodes": [{"id": "a", "data": {"algorithm": {"code": "pass"}}}], "edges": []}
    draft = store.save(document, based_on=None, author="bench")
    began = time.monotonic()
    store.publish(slug, based_on=draft.version, author="bench")
    airflow.wait_for_dag(f"deflow_{slug}", 60, graph_sha256=Graph.from_document(document).sha256)
    return time.monotonic() - began


def _logged_in(chromium: Browser, up: stack.Running) -> StorageState:
    with chromium.new_context(base_url=up.airflow_url) as context:
        page = context.new_page()
        page.goto("/")
        page.locator("input[name=username]").fill(up.username)
        page.locator("input[name=password]").fill(up.password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("link", name="DeFlow").wait_for(timeout=60_000)
        return context.storage_state()


def _context(chromium: Browser, up: stack.Running, state: StorageState) -> BrowserContext:
    context = chromium.new_context(
        base_url=up.airflow_url, storage_state=state, viewport={"width": 1280, "height": 800}
    )
    context.add_init_script(f"({WATCH})()")
    return context


def _cold(chromium: Browser, up: stack.Running, state: StorageState) -> float:
    with _context(chromium, up, state) as context:
        return _interactive(context.new_page())


def _interactive(page: Page) -> float:
    page.goto(f"/plugin/deflow/graphs/{graph.SLUG}", wait_until="commit")
    seconds = float(page.evaluate(MARKED))
    # It does take the click.
    page.locator(".react-flow__node").first.click()
    page.locator(".react-flow__node.selected").wait_for()
    return seconds


if __name__ == "__main__":
    main()
