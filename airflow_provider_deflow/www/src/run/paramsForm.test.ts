// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";

import { fieldsOf, readForm } from "./paramsForm";

const fields = fieldsOf({
  threshold: { default: 0.5, schema: { type: "number", minimum: 0, maximum: 1, title: "Threshold" } },
  rounds: { default: null, schema: { type: ["integer", "null"] } },
  site: { default: "a", schema: { enum: ["a", "b"] } },
  note: { default: "", schema: { type: "string" } },
  verbose: { default: false },
  weights: { default: [1, 2] },
});

test("each schema gets the field that a person would expect", () => {
  expect(fields.map((field) => [field.name, field.kind, field.isRequired])).toEqual([
    ["threshold", "number", false],
    ["rounds", "integer", true],
    ["site", "choice", false],
    ["note", "text", false],
    ["verbose", "boolean", false],
    ["weights", "json", false],
  ]);
  expect(fields[0]?.label).toBe("Threshold");
});

test("only what differs from the defaults is sent", () => {
  expect(readForm(fields, { rounds: "3" })).toEqual({ params: { rounds: 3 }, problems: {} });
});

test("what was entered is sent in its own type", () => {
  const entered = { threshold: "0.75", rounds: "3", site: '"b"', note: "x", verbose: "true", weights: "[3]" };
  expect(readForm(fields, entered).params).toEqual({
    threshold: 0.75, rounds: 3, site: "b", note: "x", verbose: true, weights: [3],
  });
});

test("what cannot be sent is refused at its field", () => {
  expect(readForm(fields, { threshold: "2", rounds: "1.5", weights: "[" }).problems).toEqual({
    threshold: "must be at most 1",
    rounds: "must be a whole number",
    weights: 'must be JSON, such as ["a", "b"] or {"key": 1}',
  });
});

test("a parameter without a default needs a value", () => {
  expect(readForm(fields, {}).problems).toEqual({ rounds: "needs a value: it has no default" });
});

test("a text can be emptied when its default is not empty", () => {
  const [field] = fieldsOf({ prefix: { default: "x" } });
  expect(readForm(field ? [field] : [], { prefix: "" })).toEqual({ params: { prefix: "" }, problems: {} });
});
