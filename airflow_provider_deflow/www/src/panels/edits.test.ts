// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import type { GraphDocument } from "../graph/document";
import { common, idProblem, patchNodes, patchSchedule, renameNode } from "./edits";

const document: GraphDocument = {
  slug: "g",
  nodes: ["a", "b", "c"].map((id) => ({
    id, type: "compute", position: { x: 0, y: 0 }, data: { label: id, retries: 3, algorithm: { code: "1" } },
  })),
  edges: [
    { id: "a-b", source: "a", target: "b" },
    { id: "mine", source: "a", target: "c" },
  ],
};

test("an emptied field leaves no key, so that the default holds again", () => {
  const next = patchNodes(document, ["a"], { retries: undefined });
  expect(next.nodes[0]?.data).toEqual({ label: "a", algorithm: { code: "1" } });
});

test("what was not touched stays the same object, and nothing is changed in place", () => {
  const before = structuredClone(document);
  const next = patchNodes(document, ["a"], { label: "x" });
  expect(next.nodes[1]).toBe(document.nodes[1]);
  expect(document).toEqual(before);
});

test("a renamed node keeps its edges; an edge named by hand keeps its name", () => {
  const next = renameNode(document, "a", "start");
  expect(next.nodes.map(({ id }) => id)).toEqual(["start", "b", "c"]);
  expect(next.edges).toEqual([
    { id: "start-b", source: "start", target: "b" },
    { id: "mine", source: "start", target: "c" },
  ]);
});

test("an id that is taken, or cannot be a task's, is refused", () => {
  expect(idProblem(document, "a", "b")).toBe("is the id of another node");
  expect(idProblem(document, "a", "x y")).toContain("must be 1 to 100");
  expect(idProblem(document, "a", "..")).not.toBeNull();
  expect(idProblem(document, "a", "a")).toBeNull();
});

test("a bare cron becomes a schedule when a time zone is added", () => {
  const next = patchSchedule({ ...document, schedule: "@daily" }, { timezone: "Europe/Paris" });
  expect(next.schedule).toEqual({ cron: "@daily", timezone: "Europe/Paris" });
});

test("several nodes share a value only when all have it", () => {
  expect(common(document.nodes, (node) => node.data.retries)).toBe(3);
  expect(common(document.nodes, (node) => node.id)).toBeUndefined();
});
