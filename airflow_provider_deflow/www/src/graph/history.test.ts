// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from "vitest";
import { NOTHING_SELECTED, type Selection } from "./document";
import { drawing } from "./drawings";
import { addNode, addNote, connect, moveBy, newComputeData, removeSelected } from "./edit";
import { begin, change, type History, MOST_STEPS, redo, undo } from "./history";
import { arrange } from "./layout";

const step = (document = drawing("a b")) => ({ document, selection: NOTHING_SELECTED });

// Small steps of every kind, chosen by a number, so that a failing sequence can be repeated.
function edited(history: History, dice: number): History {
  const { document } = history.present;
  const at = <T>(items: readonly T[], offset = 0) => items[(dice + offset) % Math.max(items.length, 1)];
  const selection: Selection = { ...NOTHING_SELECTED, nodes: [at(document.nodes)?.id ?? ""] };
  const next = [
    () => addNode(document, { x: dice, y: dice }, newComputeData()),
    () => connect(document, at(document.nodes)?.id ?? "", at(document.nodes, 1)?.id ?? ""),
    () => addNote(document, { x: dice, y: 0 }, `note ${dice}`),
    () => ({ ok: true as const, id: "", document: moveBy(document, selection, dice + 1, 3) }),
    () => ({ ok: true as const, id: "", document: dice % 7 ? document : removeSelected(document, selection) }),
    () => ({ ok: true as const, id: "", document: dice % 5 ? document : arrange(document) }),
  ][dice % 6]?.();
  return next?.ok ? change(history, { document: next.document, selection }, dice) : history;
}

describe("undo and redo", () => {
  test.each([1, 2, 3, 4, 5])("undoing all of a random drawing gives what it began with, and redoing all of it back (%i)", (seed) => {
    const first = begin(step());
    let history = first;
    let random = seed * 7919;
    for (let count = 0; count < 400; count += 1) {
      random = (random * 1103515245 + 12345) % 2147483648;
      history = edited(history, random % 1009);
    }
    const last = history.present;
    expect(history.past.length).toBeGreaterThan(100);
    while (history.past.length > 0) history = undo(history);
    expect(history.present.document).toBe(first.present.document);
    while (history.future.length > 0) history = redo(history);
    expect(history.present.document).toBe(last.document);
  });
  test("letters typed one after another are one step, after a pause they are the next", () => {
    let history = begin(step());
    const typed = (name: string, now: number) => {
      history = change(history, step({ ...drawing("a"), name }), now, "graph:name");
    };
    typed("h", 1000);
    typed("hi", 1200);
    typed("hi there", 9000);
    expect(undo(history).present.document.name).toBe("hi");
    expect(undo(undo(history)).present.document.name).toBeUndefined();
  });
  test("the same letters in another field are a step of their own", () => {
    let history = begin(step());
    history = change(history, step({ ...drawing("a"), name: "x" }), 1000, "graph:name");
    history = change(history, step({ ...drawing("a"), name: "x", owner: "y" }), 1001, "graph:owner");
    expect(history.past.length).toBe(2);
  });
  test("a new edit after an undo ends what could be redone", () => {
    let history = change(begin(step()), step(drawing("a")), 1);
    history = change(undo(history), step(drawing("c")), 2);
    expect(history.future).toEqual([]);
  });
  test("the oldest steps are let go, never the newest", () => {
    let history = begin(step());
    for (let at = 0; at < MOST_STEPS + 50; at += 1) history = change(history, step({ ...drawing("a"), name: `${at}` }), at);
    expect(history.past.length).toBe(MOST_STEPS);
    expect(history.present.document.name).toBe(`${MOST_STEPS + 49}`);
  });
});
