# SPDX-License-Identifier: Apache-2.0
"""A real browser before a real Airflow API server: the editor as a person has it.

Chromium is Debian's (`apt-get install chromium`), or the one that DEFLOW_CHROMIUM names; the editor is built
when its bundle is older than its source.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.api import server
from tests.api.people import NAMES, Asking

ROOT = Path(__file__).parents[2]
WWW = ROOT / "airflow_provider_deflow" / "www"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# What is there is found at once. On a machine that runs other tests too, Airflow's API server answers nobody
# for half a minute at times: while many tasks begin, and all write to its SQLite.
PATIENCE_MS = 60_000
expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def bundle() -> Path:
    """The editor, as the wheel has it."""
    built = WWW / "dist" / "deflow.js"
    sources = [*(WWW / "src").rglob("*"), WWW / "package-lock.json", WWW / "vite.config.ts"]
    if not built.is_file() or built.stat().st_mtime < max(file.stat().st_mtime for file in sources):
        sys.path.insert(0, str(ROOT))
        import hatch_build

        hatch_build.build(sys.stderr)
    return built


@pytest.fixture(scope="session")
def airflow(
    bundle: Path, mongo_uri: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[server.Server]:
    """Airflow's own API server with the plugin, one user per role."""
    with server.running(tmp_path_factory.mktemp("browser") / "stack", mongo_uri) as one:
        yield one


# Of one file: while it is there, Playwright's event loop counts as running, and others could not run theirs.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    path = os.environ.get("DEFLOW_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.fail("no chromium here: apt-get install chromium, or name one in DEFLOW_CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def log_in(airflow: server.Server, chromium: Browser) -> Iterator[Callable[..., BrowserContext]]:
    """`log_in("viewer")` is a browser of its own, of a user of that role."""
    contexts: list[BrowserContext] = []

    def one(role: str = "admin", **options: Any) -> BrowserContext:
        context = chromium.new_context(
            base_url=airflow.url, viewport={"width": 1280, "height": 800}, **options
        )
        context.set_default_timeout(PATIENCE_MS)
        contexts.append(context)
        page = context.new_page()
        page.goto("/auth/login")
        page.locator("input").first.fill(NAMES[role])
        page.locator("input[type=password]").fill(f"password-of-{role}")
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "login" not in url)
        page.close()
        return context

    yield one
    for context in contexts:
        context.close()


@pytest.fixture
def page(log_in: Callable[..., BrowserContext]) -> Iterator[Page]:
    """A page of the admin's; an exception in it fails the test."""
    page = log_in().new_page()
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    yield page
    assert faults == []


@pytest.fixture
def ask(airflow: server.Server) -> Asking:
    """The API as the admin, to see what the browser has done."""
    return airflow.ask("admin")
