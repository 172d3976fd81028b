// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from "vitest";
import type { GraphDocument } from "./document";
import { NOTHING_SELECTED } from "./document";
import {
  addNode,
  addNote,
  connect,
  connectInOrder,
  type Edited,
  freeId,
  moveBy,
  newComputeData,
  reconnect,
  removeSelected,
  renameNode,
  stillThere,
} from "./edit";
import { drawing } from "./drawings";

function made(edited: Edited): GraphDocument {
  if (!edited.ok) throw new Error(edited.refusal);
  return edited.document;
}
const refusal = (edited: Edited) => (edited.ok ? null : edited.refusal);
const arrows = (document: GraphDocument) => document.edges.map(({ source, target }) => `${source}>${target}`);

describe("boxes", () => {
  test("a new box takes an id that nobody has", () => {
    const document = made(addNode(drawing("a b"), { x: 1, y: 2 }, newComputeData(), "a"));
    expect(document.nodes.map(({ id }) => id)).toEqual(["a", "b", "a_2"]);
  });
  test("no box is named as Airflow's task of the results or of a handover is", () => {
    expect(addNode(drawing("a b", "a>b"), { x: 0, y: 0 }, newComputeData(), "results").ok && true).toBe(true);
    const next = addNode(drawing("a b", "a>b"), { x: 0, y: 0 }, newComputeData(), "a__b");
    expect(next.ok && next.id).toBe("a__b_2");
  });
  test("an id keeps only what Airflow takes", () => {
    expect(freeId([], "my file (1).csv")).toBe("my_file_1_.csv");
  });
  test("renaming a box renames the ends of its arrows, and ids that were made of them", () => {
    const document = made(renameNode(drawing("a b", "a>b"), "a", "start"));
    expect(arrows(document)).toEqual(["start>b"]);
    expect(document.edges[0]?.id).toBe("start-b");
  });
  test("a name that is taken, or that Airflow would refuse, is refused", () => {
    expect(refusal(renameNode(drawing("a b"), "a", "b"))).toContain("taken");
    expect(refusal(renameNode(drawing("a b"), "a", "with blank"))).toContain("A-Z");
  });
  test("removing a box removes its arrows and leaves the others", () => {
    const left = removeSelected(drawing("a b c", "a>b b>c a>c"), { ...NOTHING_SELECTED, nodes: ["b"] });
    expect(left.nodes.map(({ id }) => id)).toEqual(["a", "c"]);
    expect(arrows(left)).toEqual(["a>c"]);
  });
  test("moving what is selected leaves all else the same object", () => {
    const before = drawing("a b");
    const after = moveBy(before, { ...NOTHING_SELECTED, nodes: ["a"] }, 10, -5);
    expect(after.nodes[0]?.position).toEqual({ x: 10, y: -5 });
    expect(after.nodes[1]).toBe(before.nodes[1]);
  });
});

describe("arrows", () => {
  test("two boxes are connected once", () => {
    const document = made(connect(drawing("a b"), "a", "b"));
    expect(arrows(document)).toEqual(["a>b"]);
    expect(refusal(connect(document, "a", "b"))).toContain("already");
  });
  test("a box is not its own input", () => {
    expect(refusal(connect(drawing("a"), "a", "a"))).toContain("own input");
  });
  test("an arrow that would close a circle is refused with the arrows of the circle", () => {
    expect(refusal(connect(drawing("a b c d", "a>b b>c a>d"), "c", "a"))).toBe(
      "This arrow would close a circle: a → b, b → c, c → a.",
    );
  });
  test("an arrow whose task would have a box's id is refused", () => {
    expect(refusal(connect(drawing("a b a__b"), "a", "b"))).toContain("Rename the box");
  });
  test("an arrow keeps what was said of its handover when an end moves", () => {
    const before = drawing("a b c", "a>b");
    const told = { ...before, edges: before.edges.map((edge) => ({ ...edge, data: { files: ["*.csv"] } })) };
    const after = made(reconnect(told, "a-b", "a", "c"));
    expect(after.edges).toEqual([{ id: "a-c", source: "a", target: "c", data: { files: ["*.csv"] } }]);
  });
  test("an arrow may turn round, since its old way is not there any more", () => {
    expect(arrows(made(reconnect(drawing("a b", "a>b"), "a-b", "b", "a")))).toEqual(["b>a"]);
  });
  test("selected boxes are connected from left to right", () => {
    const document = moveBy(drawing("a b c"), { ...NOTHING_SELECTED, nodes: ["a"] }, 900, 0);
    expect(arrows(made(connectInOrder(document, ["a", "b", "c"])))).toEqual(["b>c", "c>a"]);
  });
  test("connecting one box says what is missing", () => {
    expect(refusal(connectInOrder(drawing("a b"), ["a"]))).toContain("two boxes");
  });
});

test("a selection forgets what is not there, and stays the same object otherwise", () => {
  const chosen = { nodes: ["a", "gone"], edges: [], notes: [] };
  expect(stillThere(drawing("a"), chosen).nodes).toEqual(["a"]);
  const fine = { nodes: ["a"], edges: [], notes: [] };
  expect(stillThere(drawing("a"), fine)).toBe(fine);
});

test("a graph without notes has no list of notes until it has a note", () => {
  expect("notes" in drawing("a")).toBe(false);
  expect(made(addNote(drawing("a"), { x: 0, y: 0 }, "hello")).notes?.[0]?.text).toBe("hello");
});
