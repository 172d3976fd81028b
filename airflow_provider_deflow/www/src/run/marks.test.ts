// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import type { GraphDocument } from "../graph/document";
import { edgeMarks, markOf, nodeMarks, progressText } from "./marks";

const document: GraphDocument = {
  slug: "g",
  nodes: ["a", "b"].map((id) => ({ id, type: "compute", position: { x: 0, y: 0 }, data: { algorithm: { code: "1" } } })),
  edges: [{ id: "arrow", source: "a", target: "b" }],
};
const run = {
  state: "success", attempt: 1, outcome: "succeeded", started_at: null, elapsed_seconds: 12, job_id: null,
  ocean_node: null, message: null, hint: null, cost: null, transactions: [], outputs: [],
};
const went = { state: "success", attempt: 1, started_at: null, elapsed_seconds: null, mode: null, files: null, size: null, message: null };

test("a box shows state, elapsed time and, from the second on, the attempt", () => {
  expect(markOf(run, 0, 0)).toEqual({ tone: "success", text: "✓ succeeded · 12 s" });
  expect(markOf({ ...run, state: "up_for_retry", attempt: 2 }, 0, 0).text).toBe("◔ will retry · 12 s · attempt 2");
});

test("a paid box shows what it cost", () => {
  expect(markOf({ ...run, cost: "at most 0.25 USDC" }, 0, 0)).toEqual({
    tone: "success", text: "✓ succeeded · 12 s", aside: "≤ 0.25 USDC",
  });
});

test("a computing box counts on between two replies", () => {
  expect(markOf({ ...run, state: "deferred" }, 1000, 3000)).toEqual({ tone: "running", text: "◐ computing · 14 s" });
});

test("a box whose outputs come from an earlier run says so", () => {
  expect(markOf({ ...run, outcome: "reused" }, 0, 0).text).toBe("✓ reused · 12 s");
});

test("a node that the run has not reached is marked all the same", () => {
  expect(nodeMarks(document, { a: run }, 0, 0).b).toEqual({ tone: "neutral", text: "○ not started" });
});

test("an arrow is found by its task", () => {
  expect(edgeMarks(document, { a__b: { ...went, state: "failed" } }, 0, 0)).toEqual({ arrow: { tone: "failure", text: "✕ failed" } });
});

test("an arrow that went well has a short mark, one that has not begun only a sign", () => {
  const marks = edgeMarks(document, { a__b: { ...went, elapsed_seconds: 0.6 } }, 0, 0);
  expect(marks.arrow?.text).toBe("✓ 0.6 s");
  expect(edgeMarks(document, {}, 0, 0).arrow?.text).toBe("○");
});

test("progress counts what is done", () => {
  expect(progressText({ a: run, b: { ...run, state: "running" } })).toBe("1 of 2 nodes done");
});
