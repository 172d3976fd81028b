// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { jsonProblem, nameProblem, schemaProblem, shownJson } from "./parameters";

test("a parameter's name is one that a template can hold, and new", () => {
  expect(nameProblem("threshold", {})).toBeNull();
  expect(nameProblem("2nd", {})).toContain("no digit first");
  expect(nameProblem("a", { a: 1 })).toBe("is there already");
  expect(nameProblem("toString", {})).toBeNull();
});

test("a default is JSON or nothing", () => {
  expect(["", "0.5", '"a"', "[1]"].map(jsonProblem)).toEqual([null, null, null, null]);
  expect(jsonProblem("a")).toContain("a text needs quotes");
});

test("a schema is an object", () => {
  expect(["", "{}", '{"type":"number"}'].map(schemaProblem)).toEqual([null, null, null]);
  expect(["[1]", "3", "null", "{"].map((text) => schemaProblem(text) !== null)).toEqual([true, true, true, true]);
});

test("no default and an empty schema are shown as nothing, false and empty lists as they are", () => {
  expect([null, undefined, {}, false, [], 0, ""].map(shownJson)).toEqual(["", "", "", "false", "[]", "0", '""']);
});
