// SPDX-License-Identifier: Apache-2.0
// The form beside the canvas: of the one node, edge or note that is selected, of several, or of the graph itself.
import type { GraphDocument, Problem, Selection } from "../graph/document";
import { EdgePanel } from "./EdgePanel";
import { GraphPanel } from "./GraphPanel";
import { ManyPanel } from "./ManyPanel";
import { NodePanel } from "./NodePanel";
import { NotePanel } from "./NotePanel";
import styles from "./panels.module.css";

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

export function Inspector({ selection, ...panel }: InspectorProps) {
  return (
    // A disabled fieldset switches every control inside off at once, and tells screen readers so.
    <fieldset className={styles.panel} disabled={!panel.mayEdit} aria-label="Properties">
      <Chosen selection={selection} {...panel} />
    </fieldset>
  );
}

function Chosen({ selection, ...panel }: InspectorProps) {
  const { document } = panel;
  const nodes = document.nodes.filter((node) => selection.nodes.includes(node.id));
  const edges = document.edges.filter((edge) => selection.edges.includes(edge.id));
  const notes = (document.notes ?? []).filter((note) => selection.notes.includes(note.id));
  const count = nodes.length + edges.length + notes.length;
  const [node] = nodes;
  const [edge] = edges;
  const [note] = notes;
  if (count > 1) return <ManyPanel nodes={nodes} edges={edges} {...panel} />;
  // Keyed by what is shown, so that text half typed for one node never shows at another.
  if (node) return <NodePanel key={`node ${node.id}`} node={node} {...panel} />;
  if (edge) return <EdgePanel key={`edge ${edge.id}`} edge={edge} {...panel} />;
  if (note) return <NotePanel key={`note ${note.id}`} note={note} {...panel} />;
  return <GraphPanel {...panel} />;
}
