// SPDX-License-Identifier: Apache-2.0
// An edge: which of the producer's files go over it, and how they reach the consumer.
import { type GraphEdge, type HandoverMode, type GraphNode, nodeTitle, NOTHING_SELECTED } from "../graph/document";
import { Button } from "../ui/Button";
import { SelectField, CommittedField } from "./Field";
import { Problems } from "./Problems";
import type { PanelProps } from "./common";
import { patchEdges } from "./edits";
import { messagesAt, pathOf, unplaced } from "./fieldProblems";
import { HANDOVERS, HANDOVER_NAMES, handoverText, patternsOf } from "./handover";
import styles from "./panels.module.css";

export function EdgePanel({ edge, document, problems, onChange, onSelect }: PanelProps & { edge: GraphEdge }) {
  const prefix = pathOf(["edges", document.edges.indexOf(edge)]);
  const at = { handover: `${prefix}.data.handover`, files: `${prefix}.data.files` };
  const handover = edge.data?.handover ?? "auto";
  const files = edge.data?.files ?? ["*"];
  const [source, target] = [edge.source, edge.target].map((id) => titleOf(document.nodes, id)) as [string, string];
  return (
    <>
      <header className={styles.head}>
        <h2>
          {source} → {target}
        </h2>
        <p className="df-hint">The outputs of {source} become inputs of {target}, in /data/inputs.</p>
        <div className={styles.buttons}>
          {[edge.source, edge.target].map((id) => (
            <Button key={id} look="plain" onClick={() => onSelect({ ...NOTHING_SELECTED, nodes: [id] })}>
              Show {titleOf(document.nodes, id)}
            </Button>
          ))}
        </div>
      </header>
      <Problems problems={unplaced(problems, { id: edge.id, prefix, fields: Object.values(at) })} />
      <div className={styles.fields}>
        <SelectField
          label="Handover"
          value={handover}
          options={HANDOVERS.map((value) => ({ value, text: HANDOVER_NAMES[value] }))}
          hint={handoverText(handover, source, target)}
          problems={messagesAt(problems, at.handover)}
          onChange={(value) => onChange(patchEdges(document, [edge.id], { handover: value as HandoverMode }))}
        />
        <CommittedField
          label="Files"
          rows={3}
          isCode
          value={files.join("\n")}
          refuse={(text) => (patternsOf(text).length === 0 ? "hands nothing over: write at least one name or pattern" : null)}
          hint={`One name or pattern a line, below the outputs of ${source}: *.csv, model/*.bin. * takes everything.`}
          problems={messagesAt(problems, at.files)}
          onCommit={(text) => onChange(patchEdges(document, [edge.id], { files: patternsOf(text) }))}
        />
      </div>
    </>
  );
}

function titleOf(nodes: readonly GraphNode[], id: string): string {
  const node = nodes.find((one) => one.id === id);
  return node ? nodeTitle(node) : id;
}
