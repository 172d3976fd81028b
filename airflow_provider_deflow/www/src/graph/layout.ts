// SPDX-License-Identifier: Apache-2.0
// Boxes from left to right, in the order of their work. Notes stay where they are.
import { Graph, layout } from "@dagrejs/dagre";
import type { GraphDocument, Position } from "./document";
import { place } from "./edit";
import { NODE_HEIGHT, NODE_WIDTH } from "./flow";

// Between two boxes an arrow's label has room.
const BETWEEN = 170;

export function arrange(document: GraphDocument): GraphDocument {
  if (document.nodes.length === 0) return document;
  const drawing = new Graph();
  drawing.setGraph({ rankdir: "LR", nodesep: 40, ranksep: BETWEEN, marginx: 20, marginy: 20 });
  drawing.setDefaultEdgeLabel(() => ({}));
  for (const { id } of document.nodes) drawing.setNode(id, { width: NODE_WIDTH, height: NODE_HEIGHT });
  for (const { source, target } of document.edges) {
    if (drawing.hasNode(source) && drawing.hasNode(target)) drawing.setEdge(source, target);
  }
  layout(drawing);
  const positions = new Map<string, Position>(
    document.nodes.map(({ id }) => {
      const { x, y } = drawing.node(id) as { x: number; y: number };
      return [id, { x: Math.round(x - NODE_WIDTH / 2), y: Math.round(y - NODE_HEIGHT / 2) }];
    }),
  );
  return place(document, positions);
}

// A place for a new box: at `wanted`, or as near below as no other box is.
export function freePlace(document: GraphDocument, wanted: Position): Position {
  let { x, y } = { x: Math.round(wanted.x), y: Math.round(wanted.y) };
  const isTaken = () =>
    document.nodes.some(
      ({ position }) => Math.abs(position.x - x) < NODE_WIDTH && Math.abs(position.y - y) < NODE_HEIGHT,
    );
  while (isTaken()) y += NODE_HEIGHT + 24;
  return { x, y };
}

// The least rectangle around all boxes and notes.
export function boundsOf(document: GraphDocument): { x: number; y: number; width: number; height: number } {
  const parts = [
    ...document.nodes.map(({ position }) => ({ ...position, width: NODE_WIDTH, height: NODE_HEIGHT })),
    ...(document.notes ?? []).map(({ position, width, height }) => ({ ...position, width, height })),
  ];
  if (parts.length === 0) return { x: 0, y: 0, width: NODE_WIDTH, height: NODE_HEIGHT };
  const x = Math.min(...parts.map((part) => part.x));
  const y = Math.min(...parts.map((part) => part.y));
  const right = Math.max(...parts.map((part) => part.x + part.width));
  const bottom = Math.max(...parts.map((part) => part.y + part.height));
  return { x, y, width: right - x, height: bottom - y };
}
