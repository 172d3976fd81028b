// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { copy, duplicate, paste } from "./clipboard";
import { NOTHING_SELECTED } from "./document";
import { drawing } from "./drawings";

const all = { nodes: ["a", "b"], edges: [], notes: [] };

test("boxes are pasted with new ids, and the arrows between them", () => {
  const document = drawing("a b c", "a>b b>c");
  const pasted = paste(document, copy(document, all) ?? "");
  expect(pasted?.selection.nodes).toEqual(["a_2", "b_2"]);
  expect(pasted?.document.edges.map(({ source, target }) => `${source}>${target}`)).toEqual(["a>b", "b>c", "a_2>b_2"]);
});
test("pasting into another graph keeps the ids", () => {
  const pasted = paste(drawing("x"), copy(drawing("a b", "a>b"), all) ?? "");
  expect(pasted?.document.nodes.map(({ id }) => id)).toEqual(["x", "a", "b"]);
});
test("a duplicate lies a little aside", () => {
  const pasted = duplicate(drawing("a b"), { ...NOTHING_SELECTED, nodes: ["a"] });
  expect(pasted?.document.nodes.at(-1)?.position).toEqual({ x: 40, y: 40 });
});
test("nothing selected copies nothing", () => {
  expect(copy(drawing("a"), NOTHING_SELECTED)).toBeNull();
});
test.each(["", "hello", "null", "[]", '{"type":"deflow/clipboard","nodes":3}', '{"type":"deflow/clipboard","nodes":[{}],"edges":[],"notes":[]}'])(
  "text that is no drawing is not pasted: %s",
  (text) => {
    expect(paste(drawing("a"), text)).toBeNull();
  },
);
