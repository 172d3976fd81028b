// SPDX-License-Identifier: Apache-2.0
// Words on the canvas, for people.
import type { NodeProps } from "@xyflow/react";
import { memo } from "react";
import type { NoteNode } from "../graph/flow";
import styles from "./nodes.module.css";

export const NoteBox = memo(function NoteBox({ data, selected }: NodeProps<NoteNode>) {
  return (
    <div className={styles.note} data-selected={selected}>
      {data.note.text || "Empty note"}
    </div>
  );
});
