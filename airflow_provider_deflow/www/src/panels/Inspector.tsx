// SPDX-License-Identifier: Apache-2.0
// The form beside the canvas: of the one node, edge or note that is selected, of several, or of the graph itself.
import type { GraphDocument, Problem, Selection } from "../graph/document";

export interface InspectorProps {
  document: GraphDocument;
  selection: Selection;
  problems: readonly Problem[];
  // False = everything is shown, nothing can be changed.
  mayEdit: boolean;
  // The whole new document. Changes that come one after another with the same `coalesce` (such as the letters typed
  // into one field: `node:train:label`) are undone as one.
  onChange: (next: GraphDocument, coalesce?: string) => void;
  // After a change of ids, or to go from a node to its edge.
  onSelect: (selection: Selection) => void;
}

export function Inspector(_props: InspectorProps) {
  return null;
}
