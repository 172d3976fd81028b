// SPDX-License-Identifier: Apache-2.0
// Copy and paste, as text: boxes go from one graph to another, to another tab, into a mail and back.
import type { GraphDocument, GraphEdge, GraphNode, GraphNote, Selection } from "./document";
import { freeId, takenNodeIds } from "./edit";

const MARK = "deflow/clipboard";

interface Clipping {
  readonly type: typeof MARK;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly notes: readonly GraphNote[];
}

// The selected boxes and notes, with the arrows between the boxes.
export function copy(document: GraphDocument, selection: Selection): string | null {
  const ids = new Set(selection.nodes);
  const nodes = document.nodes.filter(({ id }) => ids.has(id));
  const notes = (document.notes ?? []).filter(({ id }) => selection.notes.includes(id));
  if (nodes.length + notes.length === 0) return null;
  const edges = document.edges.filter(({ source, target }) => ids.has(source) && ids.has(target));
  return JSON.stringify({ type: MARK, nodes, edges, notes } satisfies Clipping);
}

export interface Pasted {
  readonly document: GraphDocument;
  readonly selection: Selection;
}

// With new ids where theirs are taken, a little aside; null = the text is no drawing.
export function paste(document: GraphDocument, text: string, aside = 40): Pasted | null {
  const clipping = read(text);
  if (!clipping) return null;
  const shifted = <T extends { position: { x: number; y: number } }>(part: T): T => ({
    ...part,
    position: { x: part.position.x + aside, y: part.position.y + aside },
  });
  const newIds = new Map<string, string>();
  const taken = takenNodeIds(document);
  const nodes = clipping.nodes.map((node) => {
    const id = freeId(taken, node.id);
    taken.push(id);
    newIds.set(node.id, id);
    return { ...shifted(node), id };
  });
  const edgeIds = document.edges.map(({ id }) => id);
  const edges = clipping.edges.flatMap((edge) => {
    const [source, target] = [newIds.get(edge.source), newIds.get(edge.target)];
    if (source === undefined || target === undefined) return [];
    const id = freeId([...edgeIds, ...taken], `${source}-${target}`);
    edgeIds.push(id);
    return [{ ...edge, id, source, target }];
  });
  const noteIds = (document.notes ?? []).map(({ id }) => id);
  const notes = clipping.notes.map((note) => {
    const id = freeId(noteIds, note.id);
    noteIds.push(id);
    return { ...shifted(note), id };
  });
  return {
    document: {
      ...document,
      nodes: [...document.nodes, ...nodes],
      edges: [...document.edges, ...edges],
      ...((document.notes || notes.length > 0) && { notes: [...(document.notes ?? []), ...notes] }),
    },
    selection: { nodes: nodes.map(({ id }) => id), edges: edges.map(({ id }) => id), notes: notes.map(({ id }) => id) },
  };
}

export function duplicate(document: GraphDocument, selection: Selection): Pasted | null {
  const text = copy(document, selection);
  return text === null ? null : paste(document, text);
}

function read(text: string): Clipping | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const clipping = value as Partial<Clipping> | null;
  const isClipping =
    clipping?.type === MARK && [clipping.nodes, clipping.edges, clipping.notes].every((parts) => Array.isArray(parts));
  if (!isClipping) return null;
  const placed = [...(clipping.nodes ?? []), ...(clipping.notes ?? [])];
  const isSound = placed.every(({ id, position }) => typeof id === "string" && Number.isFinite(position?.x + position?.y));
  return isSound ? (clipping as Clipping) : null;
}
