# SPDX-License-Identifier: Apache-2.0
"""The same page before the whole stack, where runs really run: to watch one, or to ask an Ocean Node.

`page` is here a tab of the stack's own user; the tests beside this folder need only an API server.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, StorageState, ViewportSize, expect

from airflow_provider_deflow import stack
from tests.e2e.conftest import SETTINGS, Deployment, deployed, free_port

WINDOW: ViewportSize = {"width": 1280, "height": 800}
PATIENCE_MS = 20_000


# Of one file, not of all tests: a stack that is up takes its share of a small machine, used or not.
@pytest.fixture(scope="module")
def deployment(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """MongoDB, a chain, a local Ocean Node and Airflow, as `deflow up` starts them."""
    home = Path(os.environ.get("DEFLOW_TEST_HOME") or tmp_path_factory.mktemp("browser"))
    dags = tmp_path_factory.mktemp("dags")
    with deployed(
        stack.running(home, port=free_port(), dags=dags, environment=SETTINGS, report=print, with_chain=True)
    ) as one:
        yield one


@pytest.fixture(scope="module")
def logged_in(chromium: Browser, deployment: Deployment) -> StorageState:
    """Who is logged in, as a new context takes it."""
    context = chromium.new_context(base_url=deployment.up.airflow_url)
    page = context.new_page()
    page.goto("/")
    page.locator("input[name=username]").fill(deployment.up.username)
    page.locator("input[name=password]").fill(deployment.up.password)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("link", name="DeFlow")).to_be_visible(timeout=60_000)
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def page(
    chromium: Browser,
    deployment: Deployment,
    logged_in: StorageState,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> Iterator[Page]:
    """A tab of its own. An exception in it fails the test; a failed test leaves a picture of it."""
    context = chromium.new_context(
        base_url=deployment.up.airflow_url, storage_state=logged_in, viewport=WINDOW
    )
    context.set_default_timeout(PATIENCE_MS)
    one = context.new_page()
    thrown: list[str] = []
    one.on("pageerror", lambda error: thrown.append(str(error)))
    failed_before = request.session.testsfailed
    yield one
    if request.session.testsfailed > failed_before:
        picture = tmp_path / "page.png"
        one.screenshot(path=picture)
        print(f"what the page showed: {picture}")
    context.close()
    assert thrown == []
