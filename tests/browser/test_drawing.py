# SPDX-License-Identifier: Apache-2.0
"""Drawing in the browser: from nothing to a published graph, and back by undo."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from playwright.sync_api import BrowserContext, Page, expect

from tests.api.people import Asking
from tests.browser.drawing import arrow, box, drag_arrow, open_graph, publish, saved, shape

EXAMPLE = (
    ["download", "features", "predict", "prepare"],
    ["download>prepare", "features>predict", "prepare>features"],
)


def name_box(page: Page, old: str, new: str) -> None:
    box(page, old).click()
    field = page.get_by_label("Id", exact=True)
    field.fill(new)
    field.press("Enter")
    expect(box(page, new)).to_be_visible()


def test_a_graph_of_four_boxes_is_drawn_from_nothing_published_and_undone(page: Page, ask: Asking) -> None:
    ask.create({"slug": "drawn", "name": "Drawn", "nodes": [], "edges": []})
    open_graph(page, "drawn")
    expect(page.get_by_text("Nothing is drawn yet")).to_be_visible()

    page.keyboard.press("n")  # the first key counts
    expect(box(page, "python")).to_be_visible()
    palette = page.get_by_role("navigation", name="Palette")
    for _ in range(3):
        palette.get_by_role("button", name="Python").click()
    for old, new in zip(
        ["python", "python_2", "python_3", "python_4"],
        ["download", "prepare", "features", "predict"],
        strict=True,
    ):
        name_box(page, old, new)
    page.locator(".react-flow__pane").click(position={"x": 5, "y": 5})
    page.keyboard.press("f")
    drag_arrow(page, "download", "prepare")
    expect(arrow(page, "download-prepare")).to_be_attached()
    drag_arrow(page, "prepare", "features")
    drag_arrow(page, "features", "predict")
    page.keyboard.press("l")
    saved(page)
    assert shape(ask, "drawn") == EXAMPLE

    drag_arrow(page, "predict", "prepare")  # away from the edge, where the canvas moves along
    expect(page.get_by_text("This arrow would close a circle: prepare → features")).to_be_visible()

    page.get_by_role("button", name="Publish", exact=True).click()
    page.get_by_label("What is new").fill("as drawn")
    page.get_by_role("dialog").get_by_role("button", name="Publish", exact=True).click()
    expect(page.get_by_text("Published as revision 1.")).to_be_visible()
    assert ask.get("/graphs/drawn/revisions")["revisions"][0]["message"] == "as drawn"

    undo = page.get_by_role("button", name="Undo")
    while undo.is_enabled():
        undo.click()
    expect(page.locator(".react-flow__node")).to_have_count(0)
    saved(page)
    assert shape(ask, "drawn") == ([], [])
    redo = page.get_by_role("button", name="Redo")
    while redo.is_enabled():
        redo.click()
    saved(page)
    assert shape(ask, "drawn") == EXAMPLE


def test_two_tabs_on_one_graph_conflict_and_a_person_decides(
    log_in: Callable[..., BrowserContext], ask: Asking
) -> None:
    ask.create({"slug": "shared", "nodes": [], "edges": []})
    browser = log_in()
    one, two = browser.new_page(), browser.new_page()
    open_graph(one, "shared")
    open_graph(two, "shared")
    one.bring_to_front()
    one.keyboard.press("n")
    saved(one)
    assert shape(ask, "shared")[0] == ["python"]

    two.bring_to_front()
    two.get_by_role("button", name="Algorithm").click()
    dialog = two.get_by_role("dialog")
    expect(dialog.get_by_text("Somebody else changed this graph")).to_be_visible()
    expect(dialog.get_by_text("algorithm added")).to_be_visible()
    expect(dialog.get_by_text("python removed")).to_be_visible()
    assert shape(ask, "shared")[0] == ["python"]  # nothing is overwritten unasked
    dialog.get_by_role("button", name="Keep mine").click()
    saved(two)
    assert shape(ask, "shared")[0] == ["algorithm"]


def test_who_takes_the_other_tabs_drawing_gets_back_to_their_own_by_undo(
    log_in: Callable[..., BrowserContext], ask: Asking
) -> None:
    made = ask.create({"slug": "taken", "nodes": [], "edges": []})
    page = log_in().new_page()
    open_graph(page, "taken")
    theirs = {**made["document"], "nodes": [{"id": "theirs", "data": {"algorithm": {"code": "print(1)"}}}]}
    ask.fine(ask("PUT", "/graphs/taken/draft", {"document": theirs}, version=made["version"]))

    page.keyboard.press("n")
    page.get_by_role("dialog").get_by_role("button", name="Take theirs").click()
    expect(box(page, "theirs")).to_be_visible()
    expect(box(page, "python")).to_have_count(0)

    page.get_by_role("button", name="Undo").click()
    expect(box(page, "python")).to_be_visible()
    saved(page)
    assert shape(ask, "taken")[0] == ["python"]


def test_more_than_a_hundred_steps_are_undone_to_nothing_and_done_again(page: Page, ask: Asking) -> None:
    ask.create({"slug": "steps", "nodes": [], "edges": []})
    open_graph(page, "steps")
    for key in (*"nnnn", "Control+a", "e", "l", "Control+d", *("n", "Delete") * 50):
        page.keyboard.press(key)
    saved(page)
    drawn = shape(ask, "steps")
    assert (len(drawn[0]), len(drawn[1])) == (8, 6)

    for _ in range(107):  # to choose everything is no step
        page.keyboard.press("Control+z")
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()
    expect(page.get_by_text("Nothing is drawn yet")).to_be_visible()
    saved(page)
    assert shape(ask, "steps") == ([], [])

    for _ in range(107):
        page.keyboard.press("Control+y")
    expect(page.get_by_role("button", name="Redo")).to_be_disabled()
    saved(page)
    assert shape(ask, "steps") == drawn


def test_one_who_publishes_at_once_is_not_held_up_by_what_was_wrong_a_moment_before(
    page: Page, ask: Asking
) -> None:
    ask.create({"slug": "at-once", "nodes": [], "edges": []})
    open_graph(page, "at-once")
    page.route("**/validate", lambda route: route.abort())  # "nothing is drawn" is the last that was found
    page.keyboard.press("n")
    expect(box(page, "python")).to_be_visible()
    page.get_by_role("button", name="Publish", exact=True).click()
    page.keyboard.press("Enter")
    expect(page.get_by_text("Published as revision 1.")).to_be_visible()


def test_who_runs_what_has_changed_since_is_told_which_revision_runs(page: Page, ask: Asking) -> None:
    ask.create({"slug": "changed", "nodes": [], "edges": []})
    open_graph(page, "changed")
    page.keyboard.press("n")
    publish(page, 1)
    header = page.locator("header").first
    expect(header).not_to_contain_text("changed since")
    page.keyboard.press("n")
    expect(header).to_contain_text("revision 1, changed since")
    saved(page)
    expect(header).to_contain_text("revision 1, changed since")

    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("It is revision 1 that runs")


def test_a_tab_that_is_closed_before_the_save_loses_nothing(
    log_in: Callable[..., BrowserContext], ask: Asking
) -> None:
    ask.create({"slug": "closed", "nodes": [], "edges": []})
    browser = log_in()
    page = browser.new_page()
    open_graph(page, "closed")
    page.route("**/draft", lambda route: route.abort())  # no save reaches the server
    page.keyboard.press("n")
    expect(box(page, "python")).to_be_visible()
    page.close()
    assert shape(ask, "closed") == ([], [])

    again = browser.new_page()
    open_graph(again, "closed")
    expect(box(again, "python")).to_be_visible()
    saved(again)
    assert shape(ask, "closed")[0] == ["python"]


def test_a_dropped_file_becomes_data_of_a_new_box(page: Page, ask: Asking) -> None:
    ask.create({"slug": "dropped", "nodes": [], "edges": []})
    open_graph(page, "dropped")
    data = page.evaluate_handle(
        "() => { const data = new DataTransfer();"
        " data.items.add(new File(['a,b\\n1,2\\n'], 'table.csv', {type: 'text/csv'})); return data; }"
    )
    page.locator(".react-flow__pane").dispatch_event(
        "drop", {"dataTransfer": data, "clientX": 500, "clientY": 400}
    )
    expect(box(page, "read_table")).to_be_visible()
    saved(page)
    [node] = ask.get("/graphs/dropped")["document"]["nodes"]
    [dataset] = node["data"]["datasets"]
    assert dataset["name"] == "table.csv"
    assert dataset["upload"] == sha256(b"a,b\n1,2\n").hexdigest()


def test_a_problem_is_shown_as_one_draws_and_a_click_goes_there(page: Page, ask: Asking) -> None:
    ask.create({"slug": "wrong", "nodes": [], "edges": []})
    open_graph(page, "wrong")
    page.get_by_role("button", name="Algorithm").click()
    page.keyboard.press("Escape")
    expect(box(page, "algorithm")).to_have_attribute("aria-label", "algorithm, 1 problem")
    foot = page.locator("footer")
    foot.get_by_role("button", name="1 problem").click()
    foot.get_by_role("listitem").first.get_by_role("button").click()
    expect(box(page, "algorithm")).to_contain_class("selected")


def test_all_is_done_by_keyboard(page: Page, ask: Asking) -> None:
    ask.create({"slug": "typed", "nodes": [], "edges": []})
    open_graph(page, "typed")
    for key in ("n", "n", "Control+a", "e", "l"):
        page.keyboard.press(key)
    saved(page)
    assert shape(ask, "typed") == (["python", "python_2"], ["python>python_2"])
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+d")
    saved(page)
    assert len(shape(ask, "typed")[0]) == 4
    page.keyboard.press("Delete")
    page.keyboard.press("]")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog").get_by_text("Undo")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    saved(page)
    assert len(shape(ask, "typed")[0]) == 4


def test_boxes_are_copied_from_one_graph_to_another(
    log_in: Callable[..., BrowserContext], ask: Asking
) -> None:
    ask.create(
        {"slug": "from", "nodes": [{"id": "kept", "data": {"algorithm": {"code": "print(1)"}}}], "edges": []}
    )
    ask.create({"slug": "into", "nodes": [], "edges": []})
    page = log_in(permissions=["clipboard-read", "clipboard-write"]).new_page()
    open_graph(page, "from")
    expect(box(page, "kept")).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.press("Control+c")
    open_graph(page, "into")
    page.keyboard.press("Control+v")
    expect(box(page, "kept")).to_be_visible()


def test_a_viewer_looks_and_cannot_change(log_in: Callable[..., BrowserContext], ask: Asking) -> None:
    ask.create(
        {"slug": "seen", "nodes": [{"id": "a", "data": {"algorithm": {"code": "print(1)"}}}], "edges": []}
    )
    page = log_in("viewer").new_page()
    open_graph(page, "seen")
    expect(page.get_by_text("You may look, but not change")).to_be_visible()
    expect(page.get_by_role("navigation", name="Palette")).to_have_count(0)
    page.keyboard.press("n")
    expect(page.get_by_text("You may look at this graph, but not change it.")).to_be_visible()
    expect(page.locator(".react-flow__node")).to_have_count(1)


def test_an_older_revision_is_compared_and_restored(page: Page, ask: Asking) -> None:
    made = ask.create(
        {"slug": "older", "nodes": [{"id": "a", "data": {"algorithm": {"code": "print(1)"}}}], "edges": []}
    )
    ask.publish("older", made["version"], "the first")
    open_graph(page, "older")
    page.keyboard.press("n")
    saved(page)
    page.get_by_role("button", name="History").click()
    page.get_by_role("button", name="Revision 1").click()
    expect(page.get_by_role("dialog").get_by_text("python added")).to_be_visible()
    page.get_by_role("button", name="Restore revision 1").click()
    saved(page)
    assert shape(ask, "older")[0] == ["a"]
