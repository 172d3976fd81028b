// SPDX-License-Identifier: Apache-2.0
// Every edit of a drawing, as a function from one document to the next. What may not be is refused with a sentence.
import type { ComputeData, GraphDocument, GraphEdge, GraphNode, GraphNote, Position, Selection } from "./document";

export type Edited = { ok: true; document: GraphDocument; id: string } | { ok: false; refusal: string };

const NODE_ID = /^[A-Za-z0-9_.-]{1,100}$/;

// `base`, or `base_2`, `base_3`, …: the first that nobody has.
export function freeId(taken: Iterable<string>, base: string): string {
  const there = new Set(taken);
  const root = base.replace(/[^A-Za-z0-9_.-]+/g, "_").slice(0, 90) || "node";
  if (!there.has(root)) return root;
  for (let number = 2; ; number += 1) {
    if (!there.has(`${root}_${number}`)) return `${root}_${number}`;
  }
}

// `results` is the task that gathers what sinks made, and `a__b` the handover of an edge: neither may be a box.
export function takenNodeIds(document: GraphDocument): string[] {
  return [
    "results",
    ...document.nodes.map(({ id }) => id),
    ...document.edges.map(({ source, target }) => `${source}__${target}`),
  ];
}

export function newComputeData(): ComputeData {
  return { label: "", algorithm: { code: "" }, datasets: [] };
}

export function addNode(document: GraphDocument, position: Position, data: ComputeData, base = "node"): Edited {
  const id = freeId(takenNodeIds(document), base);
  const node: GraphNode = { id, type: "compute", position, data };
  return { ok: true, id, document: { ...document, nodes: [...document.nodes, node] } };
}

export function addNote(document: GraphDocument, position: Position, text = ""): Edited {
  const notes = document.notes ?? [];
  const id = freeId(notes.map((note) => note.id), "note");
  return { ok: true, id, document: { ...document, notes: [...notes, { id, position, width: 220, height: 110, text }] } };
}

export function replaceNode(document: GraphDocument, id: string, change: (node: GraphNode) => GraphNode): GraphDocument {
  return { ...document, nodes: document.nodes.map((node) => (node.id === id ? change(node) : node)) };
}

export function replaceEdge(document: GraphDocument, id: string, change: (edge: GraphEdge) => GraphEdge): GraphDocument {
  return { ...document, edges: document.edges.map((edge) => (edge.id === id ? change(edge) : edge)) };
}

export function replaceNote(document: GraphDocument, id: string, change: (note: GraphNote) => GraphNote): GraphDocument {
  return { ...document, notes: (document.notes ?? []).map((note) => (note.id === id ? change(note) : note)) };
}

// The edges of the way from `from` to `to`, in order; null = there is none.
export function wayBetween(document: GraphDocument, from: string, to: string): readonly GraphEdge[] | null {
  const outgoing = grouped(document.edges);
  const cameBy = new Map<string, GraphEdge>();
  const open = [from];
  const seen = new Set(open);
  for (let node = open.shift(); node !== undefined; node = open.shift()) {
    if (node === to) return tracedBack(cameBy, from, to);
    for (const edge of outgoing.get(node) ?? []) {
      if (seen.has(edge.target)) continue;
      seen.add(edge.target);
      cameBy.set(edge.target, edge);
      open.push(edge.target);
    }
  }
  return null;
}

function grouped(edges: readonly GraphEdge[]): Map<string, GraphEdge[]> {
  const groups = new Map<string, GraphEdge[]>();
  for (const edge of edges) {
    const group = groups.get(edge.source);
    if (group) group.push(edge);
    else groups.set(edge.source, [edge]);
  }
  return groups;
}

function tracedBack(cameBy: ReadonlyMap<string, GraphEdge>, from: string, to: string): GraphEdge[] {
  const way: GraphEdge[] = [];
  for (let at = to; at !== from; ) {
    const edge = cameBy.get(at) as GraphEdge;
    way.unshift(edge);
    at = edge.source;
  }
  return way;
}

// Why an arrow may not be drawn from `source` to `target`; null = it may. `without` = the edge that it replaces.
export function whyNotConnect(document: GraphDocument, source: string, target: string, without?: string): string | null {
  const rest = { ...document, edges: document.edges.filter(({ id }) => id !== without) };
  const has = (id: string) => document.nodes.some((node) => node.id === id);
  if (!has(source) || !has(target)) return "An arrow goes from one box to another.";
  if (source === target) return `“${source}” cannot be its own input.`;
  if (rest.edges.some((edge) => edge.source === source && edge.target === target))
    return `“${source}” hands over to “${target}” already.`;
  if (has(`${source}__${target}`)) return `A box is named “${source}__${target}”, as this arrow's task would be. Rename the box.`;
  const way = wayBetween(rest, target, source);
  if (way) {
    const named = [...way.map((edge) => `${edge.source} → ${edge.target}`), `${source} → ${target}`].join(", ");
    return `This arrow would close a circle: ${named}.`;
  }
  return null;
}

function freeEdgeId(document: GraphDocument, source: string, target: string, without?: string): string {
  const taken = document.edges.filter(({ id }) => id !== without).map(({ id }) => id);
  return freeId([...taken, ...document.nodes.map(({ id }) => id)], `${source}-${target}`);
}

export function connect(document: GraphDocument, source: string, target: string): Edited {
  const refusal = whyNotConnect(document, source, target);
  if (refusal !== null) return { ok: false, refusal };
  const id = freeEdgeId(document, source, target);
  return { ok: true, id, document: { ...document, edges: [...document.edges, { id, source, target }] } };
}

// Moves one end of an arrow; what was said of its handover stays.
export function reconnect(document: GraphDocument, edgeId: string, source: string, target: string): Edited {
  const old = document.edges.find(({ id }) => id === edgeId);
  if (!old) return { ok: false, refusal: "This arrow is not there any more." };
  if (old.source === source && old.target === target) return { ok: true, id: edgeId, document };
  const refusal = whyNotConnect(document, source, target, edgeId);
  if (refusal !== null) return { ok: false, refusal };
  const id = freeEdgeId(document, source, target, edgeId);
  return { ok: true, id, document: replaceEdge(document, edgeId, (edge) => ({ ...edge, id, source, target })) };
}

// Arrows from each selected box to the next, from left to right.
export function connectInOrder(document: GraphDocument, ids: readonly string[]): Edited {
  const boxes = document.nodes
    .filter(({ id }) => ids.includes(id))
    .sort((a, b) => a.position.x - b.position.x || a.position.y - b.position.y);
  if (boxes.length < 2) return { ok: false, refusal: "Select two boxes or more to connect them." };
  let edited: Edited = { ok: true, document, id: "" };
  for (let at = 1; at < boxes.length && edited.ok; at += 1) {
    edited = connect(edited.document, (boxes[at - 1] as GraphNode).id, (boxes[at] as GraphNode).id);
  }
  return edited;
}

// Without what is selected, and without the arrows that ended at a removed box.
export function removeSelected(document: GraphDocument, selection: Selection): GraphDocument {
  const nodes = new Set(selection.nodes);
  const edges = new Set(selection.edges);
  const notes = new Set(selection.notes);
  const next = {
    ...document,
    nodes: document.nodes.filter(({ id }) => !nodes.has(id)),
    edges: document.edges.filter(({ id, source, target }) => !edges.has(id) && !nodes.has(source) && !nodes.has(target)),
  };
  return document.notes ? { ...next, notes: document.notes.filter(({ id }) => !notes.has(id)) } : next;
}

// Boxes and notes at new places, by id.
export function place(
  document: GraphDocument,
  nodes: ReadonlyMap<string, Position>,
  notes: ReadonlyMap<string, Position> = new Map(),
): GraphDocument {
  const moved = <T extends { id: string; position: Position }>(part: T, to: Position | undefined): T =>
    to && (to.x !== part.position.x || to.y !== part.position.y) ? { ...part, position: to } : part;
  const next = { ...document, nodes: document.nodes.map((node) => moved(node, nodes.get(node.id))) };
  return document.notes ? { ...next, notes: document.notes.map((note) => moved(note, notes.get(note.id))) } : next;
}

export function moveBy(document: GraphDocument, selection: Selection, dx: number, dy: number): GraphDocument {
  const shifted = (parts: readonly { id: string; position: Position }[], ids: readonly string[]) =>
    new Map(
      parts.filter(({ id }) => ids.includes(id)).map(({ id, position: { x, y } }) => [id, { x: x + dx, y: y + dy }]),
    );
  return place(document, shifted(document.nodes, selection.nodes), shifted(document.notes ?? [], selection.notes));
}

// A box's other id, in its arrows too.
export function renameNode(document: GraphDocument, from: string, to: string): Edited {
  if (!NODE_ID.test(to) || to === "." || to === "..")
    return { ok: false, refusal: "An id has 1 to 100 of A-Z a-z 0-9 _ . -" };
  if (to !== from && takenNodeIds(document).includes(to)) return { ok: false, refusal: `“${to}” is taken.` };
  const renamed = (id: string) => (id === from ? to : id);
  const edges = document.edges.map((edge) => {
    if (edge.source !== from && edge.target !== from) return edge;
    const [source, target] = [renamed(edge.source), renamed(edge.target)];
    const id = edge.id === `${edge.source}-${edge.target}` ? `${source}-${target}` : edge.id;
    return { ...edge, id, source, target };
  });
  const nodes = document.nodes.map((node) => (node.id === from ? { ...node, id: to } : node));
  return { ok: true, id: to, document: { ...document, nodes, edges } };
}

// A selection without what the document does not have (any more).
export function stillThere(document: GraphDocument, selection: Selection): Selection {
  const kept = (parts: readonly { id: string }[], ids: readonly string[]) => {
    const there = new Set(parts.map(({ id }) => id));
    return ids.every((id) => there.has(id)) ? ids : ids.filter((id) => there.has(id));
  };
  const nodes = kept(document.nodes, selection.nodes);
  const edges = kept(document.edges, selection.edges);
  const notes = kept(document.notes ?? [], selection.notes);
  const isSame = nodes === selection.nodes && edges === selection.edges && notes === selection.notes;
  return isSame ? selection : { nodes, edges, notes };
}

export function everything(document: GraphDocument): Selection {
  return {
    nodes: document.nodes.map(({ id }) => id),
    edges: document.edges.map(({ id }) => id),
    notes: (document.notes ?? []).map(({ id }) => id),
  };
}
