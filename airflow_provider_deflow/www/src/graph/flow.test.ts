// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { picture, sameJson } from "./diff";
import { NOTHING_SELECTED } from "./document";
import { drawing } from "./drawings";
import { moveBy, removeSelected, renameNode } from "./edit";
import { countProblems, NODE_HEIGHT, NODE_WIDTH, noteFlowId, placeOfProblem, syncFlow } from "./flow";
import { arrange, freePlace } from "./layout";
import { readDocument } from "./reading";
import { search } from "./search";

const EMPTY = { nodes: [], edges: [] };

test("only what an edit touched is drawn anew", () => {
  const before = drawing("a b", "a>b");
  const first = syncFlow(EMPTY, before, NOTHING_SELECTED, new Map());
  const after = moveBy(before, { ...NOTHING_SELECTED, nodes: ["a"] }, 5, 5);
  const second = syncFlow(first, after, NOTHING_SELECTED, new Map());
  expect(second.nodes[0]).not.toBe(first.nodes[0]);
  expect(second.nodes[1]).toBe(first.nodes[1]);
  expect(second.edges[0]).toBe(first.edges[0]);
});
test("a note and a box of one id are two things on the canvas", () => {
  const note = { id: "a", position: { x: 0, y: 0 }, width: 10, height: 10, text: "" };
  const flow = syncFlow(EMPTY, { ...drawing("a"), notes: [note] }, NOTHING_SELECTED, new Map());
  expect(flow.nodes.map(({ id }) => id)).toEqual([noteFlowId("a"), "a"]);
});
test("a problem is found at its node, its edge or the graph", () => {
  const document = drawing("a b", "a>b");
  const at = (where: string) => placeOfProblem(document, { code: "x", where, message: "" });
  expect(at("nodes[1].data.algorithm.image")).toEqual({ kind: "nodes", id: "b" });
  expect(at("a-b")).toEqual({ kind: "edges", id: "a-b" });
  expect(at("schedule.cron")).toBeNull();
  expect(at("nodes[7]")).toBeNull();
  const problems = ["a", "nodes[0].id", "document"].map((where) => ({ code: "x", where, message: "" }));
  expect([...countProblems(document, problems)]).toEqual([["a", 2]]);
});
test("the layout goes from left to right and puts no box on another", () => {
  const placed = arrange(drawing("a b c d", "a>b a>c b>d c>d")).nodes;
  const x = Object.fromEntries(placed.map(({ id, position }) => [id, position.x]));
  expect((x.a ?? 0) < (x.b ?? 0) && (x.b ?? 0) < (x.d ?? 0)).toBe(true);
  expect(new Set(placed.map(({ position }) => `${position.x} ${position.y}`)).size).toBe(4);
});
test("a new box does not hide another", () => {
  expect(freePlace(drawing("a"), { x: NODE_WIDTH - 1, y: 0 }).y).toBeGreaterThanOrEqual(NODE_HEIGHT);
  expect(freePlace(drawing("a"), { x: NODE_WIDTH, y: 0 })).toEqual({ x: NODE_WIDTH, y: 0 });
});
test("a search finds names first, then words of the code", () => {
  const document = drawing("print other");
  expect(search(document, "PRINT").map(({ id }) => id)).toEqual(["print", "other"]);
  expect(search(document, "nothing")).toEqual([]);
});
test("a difference names what was added, removed and changed", () => {
  const before = drawing("a b", "a>b");
  const moved = moveBy(before, { ...NOTHING_SELECTED, nodes: ["a"] }, 1, 1);
  const after = removeSelected({ ...moved, name: "x", nodes: [...moved.nodes, ...drawing("c").nodes] }, { ...NOTHING_SELECTED, nodes: ["b"] });
  const { nodeMarks, edgeMarks, settings, document } = picture(before, after);
  expect(nodeMarks.a).toEqual({ tone: "neutral", text: "moved" });
  expect(nodeMarks.b?.tone).toBe("removed");
  expect(nodeMarks.c?.tone).toBe("added");
  expect(edgeMarks["a-b"]?.tone).toBe("removed");
  expect(settings).toEqual(["name"]);
  expect(document.nodes.map(({ id }) => id)).toEqual(["a", "c", "b"]);
});
test("equal JSON is equal whatever the order of its keys", () => {
  expect(sameJson({ a: 1, b: [{ c: null }] }, { b: [{ c: null }], a: 1 })).toBe(true);
  expect(sameJson({ a: [1, 2] }, { a: [2, 1] })).toBe(false);
  expect(sameJson([], {})).toBe(false);
});
test("a half-written draft can be drawn", () => {
  const document = readDocument({ nodes: [{ id: "a" }, { id: "a" }, 7, { data: null }], edges: [{ source: "a", target: "b" }, {}] }, "s");
  expect(document.nodes.map(({ id }) => id)).toEqual(["a", "a_2", "node"]);
  expect(document.edges.map(({ id }) => id)).toEqual(["a-b"]);
  expect(new Set(document.nodes.map(({ position }) => `${position.x} ${position.y}`)).size).toBe(3);
});
test("what a draft says beside what is drawn stays", () => {
  const document = readDocument({ ...drawing("a"), odd: { kept: true } }, "s") as unknown as { odd: unknown };
  expect(document.odd).toEqual({ kept: true });
});
test("renaming keeps the number of boxes and arrows", () => {
  const renamed = renameNode(drawing("a b", "a>b"), "b", "z");
  expect(renamed.ok && [renamed.document.nodes.length, renamed.document.edges.length]).toEqual([2, 1]);
});
