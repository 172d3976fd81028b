// SPDX-License-Identifier: Apache-2.0
// A draft may be any JSON: written by hand, by another program, half done. The editor fills in what it needs to draw
// it; what is wrong beyond that is shown as problems, not refused.
import type { GraphDocument, GraphEdge, GraphNode, GraphNote } from "./document";
import { freeId } from "./edit";
import { arrange } from "./layout";

type Loose = Record<string, unknown>;

const isObject = (value: unknown): value is Loose => typeof value === "object" && value !== null && !Array.isArray(value);
const objects = (value: unknown): Loose[] => (Array.isArray(value) ? value.filter(isObject) : []);
const number = (value: unknown, otherwise: number) => (Number.isFinite(value) ? (value as number) : otherwise);

function position(value: unknown) {
  const given = isObject(value) ? value : {};
  return { x: number(given.x, 0), y: number(given.y, 0) };
}

function readNode(node: Loose, taken: Set<string>): GraphNode {
  const id = freeId(taken, typeof node.id === "string" && node.id ? node.id : "node");
  taken.add(id);
  const data = isObject(node.data) ? node.data : {};
  const algorithm = isObject(data.algorithm) ? data.algorithm : { code: "" };
  return {
    ...node,
    id,
    type: "compute",
    position: position(node.position),
    data: { ...data, algorithm },
  } as unknown as GraphNode;
}

function readEdge(edge: Loose, taken: Set<string>): GraphEdge[] {
  if (typeof edge.source !== "string" || typeof edge.target !== "string") return [];
  const id = freeId(taken, typeof edge.id === "string" && edge.id ? edge.id : `${edge.source}-${edge.target}`);
  taken.add(id);
  return [{ ...edge, id, source: edge.source, target: edge.target } as GraphEdge];
}

function readNote(note: Loose, taken: Set<string>): GraphNote {
  const id = freeId(taken, typeof note.id === "string" && note.id ? note.id : "note");
  taken.add(id);
  return {
    id,
    position: position(note.position),
    width: number(note.width, 220),
    height: number(note.height, 110),
    text: typeof note.text === "string" ? note.text : "",
  };
}

export function readDocument(value: unknown, slug: string): GraphDocument {
  const given = isObject(value) ? value : {};
  const [nodeIds, edgeIds, noteIds] = [new Set<string>(), new Set<string>(), new Set<string>()];
  const document = {
    ...given,
    slug: typeof given.slug === "string" ? given.slug : slug,
    nodes: objects(given.nodes).map((node) => readNode(node, nodeIds)),
    edges: objects(given.edges).flatMap((edge) => readEdge(edge, edgeIds)),
    ...(given.notes !== undefined && { notes: objects(given.notes).map((note) => readNote(note, noteIds)) }),
  } as GraphDocument;
  const isUnplaced = document.nodes.length > 1 && document.nodes.every(({ position: { x, y } }) => x === 0 && y === 0);
  return isUnplaced ? arrange(document) : document;
}
