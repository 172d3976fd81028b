# SPDX-License-Identifier: Apache-2.0
"""A browser in front of a whole stack: Debian's chromium, logged in to Airflow, looking at the DeFlow page.

One stack for all tests of this folder; each test has a context of its own, so nothing of a page outlives it.
What a page says on its console as an error, or throws, fails the test.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

import hatch_build
from airflow_provider_deflow import stack
from tests.e2e.conftest import SETTINGS, Deployment, deployed, free_port

CHROMIUM = shutil.which("chromium")
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WINDOW = {"width": 1280, "height": 800}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """The stack with the editor of this tree."""
    _build_editor()
    home = Path(os.environ.get("DEFLOW_TEST_HOME") or tmp_path_factory.mktemp("browser"))
    dags = tmp_path_factory.mktemp("dags")
    with deployed(
        stack.running(home, port=free_port(), dags=dags, environment=SETTINGS, report=print)
    ) as one:
        yield one


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.fail("no chromium on PATH: apt-get install chromium")
    with sync_playwright() as playwright:
        one = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield one
        one.close()


@pytest.fixture(scope="session")
def logged_in(browser: Browser, deployment: Deployment) -> dict[str, object]:
    """Who is logged in, as a new context takes it."""
    context = browser.new_context(base_url=deployment.up.airflow_url)
    page = context.new_page()
    page.goto("/")
    page.locator("input[name=username]").fill(deployment.up.username)
    page.locator("input[name=password]").fill(deployment.up.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="DeFlow")).to_be_visible(timeout=60_000)
    state = context.storage_state()
    context.close()
    return dict(state)


@pytest.fixture
def context(
    browser: Browser, deployment: Deployment, logged_in: dict[str, object]
) -> Iterator[BrowserContext]:
    one = browser.new_context(
        base_url=deployment.up.airflow_url,
        storage_state=logged_in,  # type: ignore[arg-type]
        viewport=WINDOW,  # type: ignore[arg-type]
        accept_downloads=True,
    )
    one.set_default_timeout(20_000)
    yield one
    one.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Page]:
    """A tab; when the test fails a picture of it is left in the test's folder."""
    one = context.new_page()
    thrown: list[str] = []
    one.on("pageerror", lambda error: thrown.append(str(error)))
    failed_before = request.session.testsfailed
    yield one
    if request.session.testsfailed > failed_before:
        picture = tmp_path / "page.png"
        one.screenshot(path=picture)
        print(f"what the page showed: {picture}")
    assert thrown == []


def _build_editor() -> None:
    """When it was not built since its last change."""
    sources = [*(hatch_build.WWW / "src").rglob("*.*"), hatch_build.WWW / "package-lock.json"]
    newest = max(one.stat().st_mtime for one in sources)
    if not hatch_build.BUNDLE.is_file() or hatch_build.BUNDLE.stat().st_mtime < newest:
        hatch_build.build()
