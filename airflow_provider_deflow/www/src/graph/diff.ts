// SPDX-License-Identifier: Apache-2.0
// Two drawings in one picture: what was added, what was removed and what changed, each as a mark on its box or arrow.
import type { GraphDocument } from "./document";
import type { NodeMark } from "./flow";

export interface Picture {
  // The newer drawing, with what it lost from the older one.
  readonly document: GraphDocument;
  readonly nodeMarks: Readonly<Record<string, NodeMark>>;
  readonly edgeMarks: Readonly<Record<string, NodeMark>>;
  // Settings of the graph itself that differ, by name.
  readonly settings: readonly string[];
  readonly count: number;
}

const ADDED: NodeMark = { tone: "added", text: "added" };
const REMOVED: NodeMark = { tone: "removed", text: "removed" };

interface Part {
  readonly id: string;
}

// Equal JSON, whatever the order of keys; a default that is left out is not told from one that is written.
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, at) => sameJson(item, b[at]));
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null || Array.isArray(a) !== Array.isArray(b))
    return false;
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].every((key) => sameJson(left[key], right[key]));
}

function changedKeys(a: object, b: object): string[] {
  const [left, right] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...keys].filter((key) => !sameJson(left[key], right[key]));
}

function mark(from: Part, to: Part): NodeMark | null {
  const parts = changedKeys(from, to).flatMap((key) => {
    const [before, after] = [(from as never)[key] as unknown, (to as never)[key] as unknown];
    const isInside = key === "data" && typeof before === "object" && typeof after === "object" && before && after;
    return isInside ? changedKeys(before, after) : [key];
  });
  // Where a box stands is for people; it computes the same.
  if (parts.join() === "position") return { tone: "neutral", text: "moved" };
  return parts.length === 0 ? null : { tone: "changed", text: `changed: ${parts.join(", ")}` };
}

function marks(from: readonly Part[], to: readonly Part[]): Record<string, NodeMark> {
  const before = new Map(from.map((part) => [part.id, part]));
  const found: Record<string, NodeMark> = {};
  for (const part of to) {
    const old = before.get(part.id);
    const one = old ? mark(old, part) : ADDED;
    if (one) found[part.id] = one;
    before.delete(part.id);
  }
  for (const id of before.keys()) found[id] = REMOVED;
  return found;
}

export function picture(from: GraphDocument, to: GraphDocument): Picture {
  const lost = <T extends Part>(old: readonly T[], now: readonly T[]) => {
    const there = new Set(now.map(({ id }) => id));
    return old.filter(({ id }) => !there.has(id));
  };
  const nodeMarks = marks(from.nodes, to.nodes);
  const edgeMarks = marks(from.edges, to.edges);
  const settings = changedKeys({ ...from, nodes: 0, edges: 0 }, { ...to, nodes: 0, edges: 0 });
  return {
    document: {
      ...to,
      nodes: [...to.nodes, ...lost(from.nodes, to.nodes)],
      edges: [...to.edges, ...lost(from.edges, to.edges)],
    },
    nodeMarks,
    edgeMarks,
    settings,
    count: Object.keys(nodeMarks).length + Object.keys(edgeMarks).length + settings.length,
  };
}
