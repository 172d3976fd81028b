// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { CLOSED, pressed } from "./combobox";

const open = (active: number) => ({ isOpen: true, active });

test("the arrows open the list, go through it, and around its ends", () => {
  expect(pressed("ArrowDown", CLOSED, 3)).toEqual({ does: "show", listing: open(0) });
  expect(pressed("ArrowDown", open(2), 3)).toEqual({ does: "show", listing: open(0) });
  expect(pressed("ArrowUp", CLOSED, 3)).toEqual({ does: "show", listing: open(2) });
  expect(pressed("ArrowUp", open(0), 3)).toEqual({ does: "show", listing: open(2) });
});

test("an empty list has nothing to take", () => {
  expect(pressed("ArrowDown", CLOSED, 0)).toEqual({ does: "show", listing: open(-1) });
  expect(pressed("Enter", open(-1), 0)).toEqual({ does: "nothing" });
});

test("Enter takes what the arrows chose, and nothing that is no longer there", () => {
  expect(pressed("Enter", open(1), 3)).toEqual({ does: "take", index: 1 });
  expect(pressed("Enter", open(4), 3)).toEqual({ does: "nothing" });
  expect(pressed("Enter", { isOpen: false, active: 1 }, 3)).toEqual({ does: "nothing" });
});

test("Escape closes the list first; a second one is the page's", () => {
  expect(pressed("Escape", open(1), 3)).toEqual({ does: "show", listing: CLOSED });
  expect(pressed("Escape", CLOSED, 3)).toEqual({ does: "nothing" });
});
