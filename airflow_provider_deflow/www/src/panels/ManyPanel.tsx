// SPDX-License-Identifier: Apache-2.0
// Several at once: what they have in common can be changed for all of them.
import type { GraphEdge, GraphNode, HandoverMode } from "../graph/document";
import { NumberField, SelectField } from "./Field";
import { OceanNodePicker } from "./OceanNodePicker";
import type { PanelProps } from "./common";
import { common, patchEdges, patchNodes } from "./edits";
import { HANDOVERS, HANDOVER_NAMES } from "./handover";
import styles from "./panels.module.css";

interface Props extends PanelProps {
  nodes: readonly GraphNode[];
  edges: readonly GraphEdge[];
}

const DIFFERENT = "\u0000different";

export function ManyPanel({ nodes, edges, document, onChange }: Props) {
  const nodeIds = nodes.map(({ id }) => id);
  const edgeIds = edges.map(({ id }) => id);
  const handover = common(edges, (edge) => edge.data?.handover ?? "auto");
  const oceanNode = common(nodes, (node) => node.data.ocean_node ?? null);
  return (
    <>
      <header className={styles.head}>
        <h2>{[countOf(nodes.length, "node"), countOf(edges.length, "edge")].filter(Boolean).join(", ")} selected</h2>
        <p className="df-hint">What you change here changes all of them.</p>
      </header>
      {nodes.length > 0 && (
        <div className={styles.fields}>
          <OceanNodePicker
            value={oceanNode === undefined ? DIFFERENT : oceanNode}
            different={DIFFERENT}
            fallback={document.defaults?.ocean_node}
            onChange={(connId) => onChange(patchNodes(document, nodeIds, { ocean_node: connId ?? undefined, environment: undefined }))}
          />
          <NumberField
            label="Longest duration in seconds"
            isWhole
            min={1}
            value={common(nodes, (node) => node.data.max_duration_seconds ?? null) ?? null}
            placeholder={placeholder(nodes, (node) => node.data.max_duration_seconds)}
            onChange={(value) =>
              onChange(patchNodes(document, nodeIds, { max_duration_seconds: value ?? undefined }), "many:max_duration_seconds")
            }
          />
          <NumberField
            label="Retries"
            isWhole
            value={common(nodes, (node) => node.data.retries ?? null) ?? null}
            placeholder={placeholder(nodes, (node) => node.data.retries)}
            onChange={(value) => onChange(patchNodes(document, nodeIds, { retries: value ?? undefined }), "many:retries")}
          />
        </div>
      )}
      {edges.length > 0 && (
        <div className={styles.fields}>
          <SelectField
            label="Handover"
            value={handover ?? DIFFERENT}
            options={[
              ...(handover === undefined ? [{ value: DIFFERENT, text: "different ones" }] : []),
              ...HANDOVERS.map((value) => ({ value, text: HANDOVER_NAMES[value] })),
            ]}
            onChange={(value) =>
              value !== DIFFERENT && onChange(patchEdges(document, edgeIds, { handover: value as HandoverMode }))
            }
          />
        </div>
      )}
    </>
  );
}

function countOf(count: number, what: string): string {
  return count === 0 ? "" : `${count} ${what}${count === 1 ? "" : "s"}`;
}

function placeholder(nodes: readonly GraphNode[], read: (node: GraphNode) => unknown): string {
  return common(nodes, (node) => read(node) ?? null) === undefined ? "different ones" : "the graph's default";
}
