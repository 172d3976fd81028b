// SPDX-License-Identifier: Apache-2.0
// The box of a compute job: its name, what runs, on what, and a run's state or a difference if there is one.
import { Handle, type NodeProps, Position } from "@xyflow/react";
import { memo } from "react";
import { type ComputeData, DEFAULT_IMAGE, isCode, isDid } from "../graph/document";
import type { BoxNode } from "../graph/flow";
import styles from "./nodes.module.css";

function algorithmLine({ algorithm }: ComputeData): string {
  if (isDid(algorithm)) return algorithm.did ? `${algorithm.did.slice(0, 14)}…` : "no algorithm yet";
  if (isCode(algorithm)) return algorithm.code.trim() ? (algorithm.image ?? DEFAULT_IMAGE) : "no code yet";
  return "code from a file";
}

function detailLine(data: ComputeData): string {
  const datasets = data.datasets?.length ?? 0;
  return [algorithmLine(data), datasets ? `${datasets} dataset${datasets > 1 ? "s" : ""}` : ""].filter(Boolean).join(" · ");
}

export const ComputeBox = memo(function ComputeBox({ data, selected, isConnectable }: NodeProps<BoxNode>) {
  const { node, problems, mark } = data;
  return (
    <div className={styles.box} data-selected={selected} data-tone={mark?.tone} data-wrong={problems > 0}>
      <Handle type="target" position={Position.Left} isConnectable={isConnectable} className={styles.handle} />
      <div className={styles.head}>
        <div className={styles.title} title={node.id}>
          {node.data.label || node.id}
        </div>
        {mark?.aside && <div className={styles.aside}>{mark.aside}</div>}
      </div>
      <div className={styles.detail}>{detailLine(node.data)}</div>
      {mark && <div className={styles.mark}>{mark.text}</div>}
      {problems > 0 && (
        <div className={styles.problems} title={`${problems} problem${problems > 1 ? "s" : ""}`}>
          {problems}
        </div>
      )}
      <Handle type="source" position={Position.Right} isConnectable={isConnectable} className={styles.handle} />
    </div>
  );
});
