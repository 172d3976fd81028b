// SPDX-License-Identifier: Apache-2.0
// A file that was dropped on the canvas: source code becomes a box that runs it, anything else an upload, which is a
// dataset of the box below it or of a new one.
import { api } from "../api/client";
import type { ComputeData, Dataset, GraphDocument, Position } from "../graph/document";
import { addNode, type Edited, replaceNode } from "../graph/edit";
import { freePlace } from "../graph/layout";
import { KINDS } from "../nodes/kinds";

// What an Ocean Node takes in a request; larger code is handed over as a file.
const MOST_CODE_BYTES = 90_000;

export async function dropFile(
  read: () => GraphDocument,
  file: File,
  at: Position,
  onNode: string | null,
): Promise<Edited> {
  if (/\.py$/i.test(file.name) && file.size <= MOST_CODE_BYTES && onNode === null) {
    const data: ComputeData = { label: stem(file.name), algorithm: { code: await file.text() }, datasets: [] };
    return addNode(read(), freePlace(read(), at), data, stem(file.name));
  }
  const { sha256, name } = await api.upload(file);
  return withDataset(read(), { upload: sha256, name }, at, onNode);
}

export function withDataset(document: GraphDocument, dataset: Dataset, at: Position, onNode: string | null): Edited {
  if (onNode !== null && document.nodes.some(({ id }) => id === onNode)) {
    const next = replaceNode(document, onNode, (node) => ({
      ...node,
      data: { ...node.data, datasets: [...(node.data.datasets ?? []), dataset] },
    }));
    return { ok: true, id: onNode, document: next };
  }
  const data = { ...(KINDS[0] as (typeof KINDS)[number]).data, datasets: [dataset] };
  const base = "name" in dataset ? stem(dataset.name) : "data";
  return addNode(document, freePlace(document, at), data, `read_${base}`);
}

function stem(name: string): string {
  return name.replace(/\.[^.]*$/, "") || name;
}
