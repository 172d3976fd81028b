// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { BINDINGS, commandOf } from "./keys";

const press = (key: string, held: Partial<Record<"ctrlKey" | "metaKey" | "shiftKey" | "altKey", boolean>> = {}) =>
  commandOf({ key, ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, ...held });

test("keys of the sheet do what it says", () => {
  expect(press("n")).toBe("new");
  expect(press("N", { shiftKey: true })).toBe("note");
  expect(press("z", { ctrlKey: true })).toBe("undo");
  expect(press("Z", { ctrlKey: true, shiftKey: true })).toBe("redo");
  expect(press("y", { metaKey: true })).toBe("redo");
  expect(press("ArrowUp", { shiftKey: true })).toBe("up");
});
test("a sign is a sign whether the keyboard wants Shift for it or not", () => {
  expect(press("?", { shiftKey: true })).toBe("help");
  expect(press("?")).toBe("help");
  expect(press("/", { shiftKey: true })).toBe("search");
});
test("copy and paste come as the browser's own events", () => {
  expect(press("c", { ctrlKey: true })).toBeNull();
  expect(press("v", { ctrlKey: true })).toBeNull();
});
test("keys held with Alt are the browser's", () => {
  expect(press("n", { altKey: true })).toBeNull();
});
test("no key has two meanings", () => {
  const keys = BINDINGS.flatMap((binding) => binding.keys);
  expect(new Set(keys).size).toBe(keys.length);
});
