// SPDX-License-Identifier: Apache-2.0
// The arrow of a handover: how the files go, and a run's state or a difference if there is one.
import { BaseEdge, EdgeLabelRenderer, type EdgeProps, getBezierPath } from "@xyflow/react";
import { memo } from "react";
import type { FlowEdge } from "../graph/flow";
import styles from "./Arrow.module.css";

// As wide as a label may get, and the least that says anything.
const LABEL = { most: 160, least: 44 };
const HEAD = "m-9 -5 9 5 -9 5z";

const TONES: Record<string, string> = {
  running: "var(--df-running)",
  waiting: "var(--df-running)",
  success: "var(--df-success)",
  added: "var(--df-success)",
  failure: "var(--df-danger)",
  removed: "var(--df-danger)",
  warning: "var(--df-warning)",
  changed: "var(--df-warning)",
};

export const Arrow = memo(function Arrow({ data, selected, ...at }: EdgeProps<FlowEdge>) {
  const [path, labelX, labelY] = getBezierPath(at);
  const tone = data?.mark ? TONES[data.mark.tone] : undefined;
  const isWrong = (data?.problems ?? 0) > 0;
  const color = selected ? "var(--df-accent)" : isWrong ? "var(--df-danger)" : (tone ?? "var(--df-border-strong)");
  const handover = data?.edge.data?.handover ?? "auto";
  const files = data?.edge.data?.files ?? ["*"];
  // Beside a run's state there is no room for more.
  const words = data?.mark?.text || [handover === "auto" ? "" : handover, files.join() === "*" ? "" : files.join(", ")]
    .filter(Boolean)
    .join(" · ");
  // Between two boxes, beside neither.
  const room = at.targetX > at.sourceX ? at.targetX - at.sourceX - 16 : LABEL.most;
  const maxWidth = Math.min(LABEL.most, Math.max(LABEL.least, room));
  return (
    <>
      <BaseEdge
        id={at.id}
        path={path}
        interactionWidth={24}
        style={{
          stroke: color,
          strokeWidth: selected ? 3 : 2,
          ...(data?.mark?.tone === "removed" && { strokeDasharray: "6 4" }),
        }}
      />
      {/* Drawn here and not as a marker, so that it has the line's colour; all arrows come from the left. */}
      <path d={HEAD} transform={`translate(${at.targetX} ${at.targetY})`} fill={color} />
      {words && (
        <EdgeLabelRenderer>
          <div
            className={styles.label}
            style={{ transform: `translate(-50%, -50%) translate(${labelX}px, ${labelY}px)`, color, maxWidth }}
          >
            {words}
          </div>
        </EdgeLabelRenderer>
      )}
    </>
  );
});
