// SPDX-License-Identifier: Apache-2.0
// Finding a box by what a person remembers of it: its name, its id, its image, a word of its code.
import type { GraphDocument, GraphNode } from "./document";

function words(node: GraphNode): string {
  return JSON.stringify([node.id, node.data.label ?? "", node.data.algorithm, node.data.datasets ?? []]).toLowerCase();
}

// Nodes that have every word of `query`; those whose name has it come first.
export function search(document: GraphDocument, query: string): readonly GraphNode[] {
  const wanted = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return [];
  const inName = (node: GraphNode) => wanted.every((word) => `${node.id} ${node.data.label ?? ""}`.toLowerCase().includes(word));
  const found = document.nodes.filter((node) => {
    const text = words(node);
    return wanted.every((word) => text.includes(word));
  });
  return [...found.filter(inName), ...found.filter((node) => !inName(node))];
}
