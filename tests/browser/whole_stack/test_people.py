# SPDX-License-Identifier: Apache-2.0
"""Everybody can use the page: axe finds nothing wrong with it, in light and in dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.whole_stack.two_steps import BROKEN, box, first_run, show_run, two_nodes
from tests.e2e.conftest import Deployment

AXE = Path(__file__).parents[3] / "airflow_provider_deflow/www/node_modules/axe-core/axe.min.js"
RUN = """async () => {
  const rules = {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]};
  const {violations} = await axe.run(".deflow", rules);
  const why = ({any, all}) => [...any, ...all].map(({message}) => message).join("; ");
  const told = (id) => (one) => `${id}: ${one.html.slice(0, 160)} (${why(one)})`;
  return violations.flatMap(({id, nodes}) => nodes.map(told(id)));
}"""
DARK = "(isDark) => document.documentElement.classList.toggle('dark', isDark)"


@pytest.fixture(params=["light", "dark"])
def check(page: Page, request: pytest.FixtureRequest) -> Callable[[], None]:
    """Asks axe about the DeFlow page as it is now."""

    def one() -> None:
        page.evaluate(DARK, request.param == "dark")
        page.add_script_tag(path=AXE)
        assert page.evaluate(RUN) == []

    return one


def test_axe_finds_nothing_wrong_with_the_list_and_its_dialogs(
    page: Page, deployment: Deployment, check: Callable[[], None], request: pytest.FixtureRequest
) -> None:
    slug = f"axe-{request.node.callspec.params['check']}"
    deployment.store.save({**two_nodes(slug), "tags": ["example"]}, based_on=None, author="tests")
    page.goto("/plugin/deflow")
    expect(page.get_by_role("row").filter(has_text=slug)).to_be_visible()
    check()
    for button in ("New graph", "Import", "Templates", "Publish an asset", f"Delete Two steps {slug}"):
        page.get_by_role("button", name=button, exact=True).click()
        check()
        page.get_by_role("dialog").get_by_role("button", name="Close").click()


def test_axe_finds_nothing_wrong_with_the_forms(
    page: Page, deployment: Deployment, check: Callable[[], None], request: pytest.FixtureRequest
) -> None:
    slug = f"axe-forms-{request.node.callspec.params['check']}"
    deployment.store.save(two_nodes(slug), based_on=None, author="tests")
    page.goto(f"/plugin/deflow/graphs/{slug}")
    expect(box(page, "Clean")).to_be_visible()
    check()
    box(page, "Clean").click()
    page.evaluate("document.querySelectorAll('.deflow details').forEach((one) => { one.open = true; })")
    check()
    page.locator(".react-flow__edge").first.click(force=True)
    check()


@pytest.mark.timeout(400)
def test_axe_finds_nothing_wrong_with_a_run(
    page: Page, deployment: Deployment, check: Callable[[], None], request: pytest.FixtureRequest
) -> None:
    slug = f"axe-run-{request.node.callspec.params['check']}"
    run_id = first_run(deployment, slug, train=BROKEN)
    deployment.end_of(f"deflow_{slug}", run_id)
    show_run(page, slug, run_id)
    expect(page.get_by_role("region", name="What failed")).to_be_visible()
    check()
    box(page, "Train").click()
    expect(page.get_by_role("log")).to_contain_text("exit code")
    check()
    page.get_by_role("button", name="Run from here").click()
    check()
