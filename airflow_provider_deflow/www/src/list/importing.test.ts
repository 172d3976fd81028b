// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";

import { readDrawing } from "./importing";
import { copySlug, slugFrom, slugProblem } from "./slug";

const form = (document: unknown) => {
  const read = readDrawing(JSON.stringify(document));
  return typeof read === "string" ? read : read.form;
};

test("a drawing is told by what only its own program writes", () => {
  expect(form({ slug: "a", nodes: [] })).toBe("document");
  expect(form({ name: "x", nodes: [{ data: { algorithm_id: "did:op:1" } }] })).toBe("deflow");
  expect(form({ nodes: [], orders: [] })).toBe("deflow");
  expect(form({ nodes: [{ id: "1", data: { label: "x" } }], edges: [], viewport: {} })).toBe("react-flow");
});

test("what is no drawing is refused in words", () => {
  expect(form({ a: 1 })).toBe("This is JSON, but no drawing: there is no list of nodes in it.");
  expect(readDrawing("{")).toMatch(/^This is not JSON: /);
  expect(readDrawing("  ")).toBe("Choose a file, or paste its text.");
});

test("an import suggests a slug from the drawing's name, else from the file's", () => {
  expect(readDrawing('{"nodes":[],"name":"Prédiction (v2)"}')).toMatchObject({ suggestedSlug: "prediction-v2" });
  expect(readDrawing('{"nodes":[]}', "My flow.JSON")).toMatchObject({ suggestedSlug: "my-flow" });
});

test("a suggested slug can always be used", () => {
  for (const name of ["Disease prediction", "__x__", "-a-", "A".repeat(200), "x ".repeat(80)]) {
    expect(slugProblem(slugFrom(name))).toBeNull();
  }
});

test("a name that leaves nothing suggests nothing, and the form asks for a slug", () => {
  expect(slugFrom("日本")).toBe("");
  expect(slugProblem("")).toBe("is needed: it names the Dag");
  expect(slugProblem("Bad Slug")).toContain("must be 1 to 100");
});

test("a copy takes the first free slug, short enough", () => {
  expect(copySlug("train", new Set(["train-copy"]))).toBe("train-copy-2");
  expect(copySlug("x".repeat(100), new Set())).toHaveLength(100);
});
