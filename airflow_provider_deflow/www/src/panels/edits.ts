// SPDX-License-Identifier: Apache-2.0
// What the forms do to a document. Each gives a new document; what was not touched is the same object as before.
import type { ComputeData, Defaults, EdgeData, GraphDocument, GraphNode, Schedule } from "../graph/document";

/** A patch: a key that is `undefined` is taken out, so that the server's default holds again. */
type Patch<T> = { [K in keyof T]?: T[K] | undefined };

export function patched<T extends object>(value: T, patch: Patch<T>): T {
  const next: Record<string, unknown> = { ...value, ...patch };
  for (const key of Object.keys(patch)) if (next[key] === undefined) delete next[key];
  return next as T;
}

export function patchGraph(document: GraphDocument, patch: Patch<GraphDocument>): GraphDocument {
  return patched(document, patch);
}

export function patchNodes(document: GraphDocument, ids: readonly string[], patch: Patch<ComputeData>): GraphDocument {
  const chosen = new Set(ids);
  return {
    ...document,
    nodes: document.nodes.map((node) => (chosen.has(node.id) ? { ...node, data: patched(node.data, patch) } : node)),
  };
}

export function patchEdges(document: GraphDocument, ids: readonly string[], patch: Patch<EdgeData>): GraphDocument {
  const chosen = new Set(ids);
  return {
    ...document,
    edges: document.edges.map((edge) =>
      chosen.has(edge.id) ? { ...edge, data: patched(edge.data ?? {}, patch) } : edge,
    ),
  };
}

export function patchDefaults(document: GraphDocument, patch: Patch<Defaults>): GraphDocument {
  return { ...document, defaults: patched(document.defaults ?? {}, patch) };
}

/** The schedule as an object, whichever of its two forms the document has. */
export function scheduleOf(document: GraphDocument): Schedule {
  const schedule = document.schedule ?? {};
  return typeof schedule === "string" ? { cron: schedule } : schedule;
}

export function patchSchedule(document: GraphDocument, patch: Patch<Schedule>): GraphDocument {
  return { ...document, schedule: patched(scheduleOf(document), patch) };
}

/** The node with another id, and its edges with it; an edge that was named after its ends is named so again. */
export function renameNode(document: GraphDocument, from: string, to: string): GraphDocument {
  const named = (id: string) => (id === from ? to : id);
  return {
    ...document,
    nodes: document.nodes.map((node): GraphNode => (node.id === from ? { ...node, id: to } : node)),
    edges: document.edges.map((edge) => {
      if (edge.source !== from && edge.target !== from) return edge;
      const [source, target] = [named(edge.source), named(edge.target)];
      const isDefault = edge.id === `${edge.source}-${edge.target}`;
      return { ...edge, source, target, id: isDefault ? `${source}-${target}` : edge.id };
    }),
  };
}

/** Why a node cannot be called `id`; null when it can. */
export function idProblem(document: GraphDocument, current: string, id: string): string | null {
  if (id === current) return null;
  if (!/^[A-Za-z0-9_.-]{1,100}$/.test(id) || id === "." || id === "..") {
    return "must be 1 to 100 of A-Z, a-z, 0-9, _ . and -";
  }
  return document.nodes.some((node) => node.id === id) ? "is the id of another node" : null;
}

/** The value that all have in common; `undefined` when they differ. */
export function common<T, V>(items: readonly T[], read: (item: T) => V): V | undefined {
  const [first, ...rest] = items.map(read);
  return rest.every((value) => value === first) ? first : undefined;
}
