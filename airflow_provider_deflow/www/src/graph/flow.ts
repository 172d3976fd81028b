// SPDX-License-Identifier: Apache-2.0
// Document ↔ React Flow. Boxes have one fixed size, and say where their handles are, so that React Flow need not
// measure what is out of sight. A box that has not changed stays the same object: only changed boxes are drawn anew.
import type { Edge, Node } from "@xyflow/react";
import type { GraphDocument, GraphEdge, GraphNode, GraphNote, Position, Problem, Selection } from "./document";

export const NODE_WIDTH = 220;
export const NODE_HEIGHT = 76;
const HANDLE = 12;

export type Tone =
  | "neutral"
  | "waiting"
  | "running"
  | "success"
  | "failure"
  | "warning"
  | "added"
  | "removed"
  | "changed";

// What a box shows beside its name: a run's state with its line ("running · 12 s · attempt 2"), a difference's word.
export interface NodeMark {
  readonly tone: Tone;
  readonly text: string;
  // In the corner beside the name: what it cost.
  readonly aside?: string;
}
export type EdgeMark = NodeMark;

export interface BoxData extends Record<string, unknown> {
  readonly node: GraphNode;
  readonly problems: number;
  readonly mark: NodeMark | null;
}
export interface NoteData extends Record<string, unknown> {
  readonly note: GraphNote;
}
export interface ArrowData extends Record<string, unknown> {
  readonly edge: GraphEdge;
  readonly problems: number;
  readonly mark: EdgeMark | null;
}
export type BoxNode = Node<BoxData, "compute">;
export type NoteNode = Node<NoteData, "note">;
export type FlowNode = BoxNode | NoteNode;
export type FlowEdge = Edge<ArrowData, "arrow">;

export interface Flow {
  nodes: FlowNode[];
  edges: FlowEdge[];
}

type Marks = Readonly<Record<string, NodeMark>>;

// Notes and boxes may have the same id in a document; on the canvas they may not.
const NOTE_PREFIX = "note:";
export const noteFlowId = (id: string) => NOTE_PREFIX + id;
export const noteIdOf = (flowId: string) => (flowId.startsWith(NOTE_PREFIX) ? flowId.slice(NOTE_PREFIX.length) : null);

const HANDLES = [
  { type: "target", position: "left", x: -HANDLE / 2, y: (NODE_HEIGHT - HANDLE) / 2, width: HANDLE, height: HANDLE },
  {
    type: "source",
    position: "right",
    x: NODE_WIDTH - HANDLE / 2,
    y: (NODE_HEIGHT - HANDLE) / 2,
    width: HANDLE,
    height: HANDLE,
  },
] as unknown as NonNullable<Node["handles"]>;

function counted(problems: number): string {
  return problems === 0 ? "" : `${problems} problem${problems > 1 ? "s" : ""}`;
}

export function boxOf(node: GraphNode, problems: number, mark: NodeMark | null, selected: boolean): BoxNode {
  return {
    id: node.id,
    type: "compute",
    position: node.position,
    width: NODE_WIDTH,
    height: NODE_HEIGHT,
    // What is out of sight is not measured, and would be left out when the whole graph is to be shown.
    measured: { width: NODE_WIDTH, height: NODE_HEIGHT },
    handles: HANDLES,
    selected,
    ariaLabel: [node.data.label || node.id, mark?.text, mark?.aside, counted(problems)].filter(Boolean).join(", "),
    data: { node, problems, mark },
  };
}

export function noteOf(note: GraphNote, selected: boolean): NoteNode {
  return {
    id: noteFlowId(note.id),
    type: "note",
    position: note.position,
    width: note.width,
    height: note.height,
    measured: { width: note.width, height: note.height },
    selected,
    connectable: false,
    zIndex: -1,
    ariaLabel: `Note: ${note.text.slice(0, 80)}`,
    data: { note },
  };
}

export function arrowOf(edge: GraphEdge, problems: number, mark: EdgeMark | null, selected: boolean): FlowEdge {
  return {
    id: edge.id,
    type: "arrow",
    source: edge.source,
    target: edge.target,
    selected,
    ariaLabel: [`Handover from ${edge.source} to ${edge.target}`, mark?.text, counted(problems)]
      .filter(Boolean)
      .join(", "),
    data: { edge, problems, mark },
  };
}

export function toFlow(document: GraphDocument, nodeMarks: Marks = {}, edgeMarks: Marks = {}): Flow {
  return {
    nodes: [
      ...(document.notes ?? []).map((note) => noteOf(note, false)),
      ...document.nodes.map((node) => boxOf(node, 0, nodeMarks[node.id] ?? null, false)),
    ],
    edges: document.edges.map((edge) => arrowOf(edge, 0, edgeMarks[edge.id] ?? null, false)),
  };
}

// The canvas after an edit: `previous` boxes are kept where nothing about them changed.
export function syncFlow(
  previous: Flow,
  document: GraphDocument,
  selection: Selection,
  problems: ReadonlyMap<string, number>,
): Flow {
  const oldNodes = new Map(previous.nodes.map((node) => [node.id, node]));
  const oldEdges = new Map(previous.edges.map((edge) => [edge.id, edge]));
  const [nodes, edges, notes] = [selection.nodes, selection.edges, selection.notes].map((ids) => new Set(ids)) as [
    Set<string>,
    Set<string>,
    Set<string>,
  ];
  return {
    nodes: [
      ...(document.notes ?? []).map((note) => {
        const old = oldNodes.get(noteFlowId(note.id));
        const selected = notes.has(note.id);
        const same = old?.type === "note" && old.data.note === note && old.selected === selected;
        return same && samePosition(old.position, note.position) ? old : noteOf(note, selected);
      }),
      ...document.nodes.map((node) => {
        const old = oldNodes.get(node.id);
        const selected = nodes.has(node.id);
        const count = problems.get(node.id) ?? 0;
        const same =
          old?.type === "compute" &&
          old.data.node === node &&
          old.data.problems === count &&
          old.selected === selected &&
          samePosition(old.position, node.position);
        return same ? old : boxOf(node, count, null, selected);
      }),
    ],
    edges: document.edges.map((edge) => {
      const old = oldEdges.get(edge.id);
      const selected = edges.has(edge.id);
      const count = problems.get(edge.id) ?? 0;
      const same = old?.data?.edge === edge && old.data.problems === count && old.selected === selected;
      return same ? old : arrowOf(edge, count, null, selected);
    }),
  };
}

function samePosition(a: Position, b: Position): boolean {
  return a.x === b.x && a.y === b.y;
}

// How many problems each node and each edge has, by id. A path such as `nodes[2].data.image` is its node's problem.
export function countProblems(document: GraphDocument, problems: readonly Problem[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const problem of problems) {
    const id = placeOfProblem(document, problem)?.id;
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  return counts;
}

export interface ProblemPlace {
  readonly kind: "nodes" | "edges" | "notes";
  readonly id: string;
}

// The node, edge or note that a problem is about; null = the graph's own settings.
export function placeOfProblem(document: GraphDocument, problem: Problem): ProblemPlace | null {
  const path = /^(nodes|edges|notes)\[(\d+)\]/.exec(problem.where);
  if (path) {
    const kind = path[1] as ProblemPlace["kind"];
    const id = document[kind]?.[Number(path[2])]?.id;
    return id === undefined ? null : { kind, id };
  }
  if (document.nodes.some(({ id }) => id === problem.where)) return { kind: "nodes", id: problem.where };
  if (document.edges.some(({ id }) => id === problem.where)) return { kind: "edges", id: problem.where };
  return null;
}
