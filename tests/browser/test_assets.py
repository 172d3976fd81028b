# SPDX-License-Identifier: Apache-2.0
"""Assets and money in the page while no Ocean Node answers, and for those who may make nothing.

Publishing, choosing and quoting for real is in `whole_stack`.
"""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.api.people import ALGORITHM, Asking
from tests.browser.drawing import box, open_graph, saved

DID = f"did:op:{'0123456789abcdef' * 4}"


def test_a_did_can_be_pasted_while_the_catalogue_is_away(page: Page, ask: Asking) -> None:
    ask.create({"slug": "pasted", "nodes": [{"id": "a", "data": {"algorithm": {"did": ""}}}], "edges": []})
    open_graph(page, "pasted")
    box(page, "a").click()
    picker = page.get_by_role("combobox", name="Published algorithm")
    picker.fill("rain")
    expect(picker).to_have_attribute("aria-expanded", "true")
    expect(page.get_by_text("The catalogue could not be read")).to_be_visible()
    picker.press("Escape")
    expect(picker).to_have_attribute("aria-expanded", "false")
    picker.fill(DID)
    saved(page)
    expect(page.get_by_text("The asset could not be read")).to_be_visible()
    [node] = ask.get("/graphs/pasted")["document"]["nodes"]
    assert node["data"]["algorithm"] == {"did": DID}


def test_a_quote_that_cannot_be_had_says_why_and_a_run_can_be_started_all_the_same(
    page: Page, ask: Asking
) -> None:
    paid = {"id": "a", "data": {"algorithm": ALGORITHM, "payment": {"mode": "paid"}}}
    made = ask.create({"slug": "dear", "nodes": [paid], "edges": [], "budget": {"per_run": "1"}})
    ask.publish("dear", made["version"])
    open_graph(page, "dear")
    page.get_by_role("button", name="Run", exact=True).click()
    dialog = page.get_by_role("dialog", name="Run dear")
    cost = dialog.get_by_role("region", name="What it would cost")
    expect(cost.get_by_role("alert").or_(cost.get_by_role("list", name="Not quoted"))).not_to_be_empty()
    expect(dialog.get_by_role("button", name="Run", exact=True)).to_be_enabled()


def test_the_form_of_an_asset_is_checked_as_it_is_filled_in(page: Page) -> None:
    page.goto("/plugin/deflow")
    page.get_by_role("button", name="Publish an asset").click()
    form = page.get_by_role("dialog")
    name = form.get_by_label("Name", exact=True)
    expect(form.get_by_text("is needed")).to_have_count(0)
    name.fill("Rain")
    name.fill("")
    expect(name).to_have_attribute("aria-invalid", "true")
    name.fill("Rain")
    form.get_by_role("button", name="Publish", exact=True).click()
    expect(form.get_by_text("3 fields are not right yet.")).to_be_visible()
    data = page.evaluate_handle(
        "() => { const data = new DataTransfer();"
        " data.items.add(new File(['a,b\\n1,2\\n'], 'rain.csv', {type: 'text/csv'})); return data; }"
    )
    form.get_by_text("A file can also be dropped here.").dispatch_event("drop", {"dataTransfer": data})
    expect(form.get_by_text("8 B, uploaded")).to_be_visible()
    expect(form.get_by_text("2 fields are not right yet.")).to_be_visible()
    form.get_by_label("Price").select_option("fixed_rate")
    form.get_by_label("Amount").fill("a lot")
    expect(form.get_by_text("must be an amount of whole tokens")).to_be_visible()


def test_a_viewer_is_offered_nothing_that_makes_things(
    log_in: Callable[..., BrowserContext], ask: Asking
) -> None:
    ask.create({"slug": "listed", "name": "Listed", "nodes": [], "edges": []})
    for role, count in (("viewer", 0), ("user", 1)):
        page = log_in(role).new_page()
        page.goto("/plugin/deflow")
        page.get_by_label("Search graphs").fill("listed")
        expect(page.get_by_role("row").filter(has_text="Listed")).to_be_visible()
        for button in ("New graph", "Import", "Templates", "Publish an asset", "Duplicate Listed"):
            expect(page.get_by_role("button", name=button, exact=True)).to_have_count(count)
