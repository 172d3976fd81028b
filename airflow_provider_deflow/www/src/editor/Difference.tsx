// SPDX-License-Identifier: Apache-2.0
// What differs between two drawings: as a picture, and in words for who does not see it.
import { useMemo } from "react";
import { GraphView } from "../canvas/GraphView";
import type { GraphDocument } from "../graph/document";
import { picture } from "../graph/diff";
import styles from "./editor.module.css";

interface Props {
  from: GraphDocument;
  to: GraphDocument;
  label: string;
}

export function Difference({ from, to, label }: Props) {
  const { document, nodeMarks, edgeMarks, settings, count } = useMemo(() => picture(from, to), [from, to]);
  return (
    <div className={styles.difference}>
      <div className={styles.picture}>
        <GraphView document={document} nodeMarks={nodeMarks} edgeMarks={edgeMarks} label={label} />
      </div>
      <ul className={styles.words} aria-label="Differences">
        {count === 0 && <li>No difference.</li>}
        {Object.entries(nodeMarks).map(([id, { tone, text }]) => (
          <li key={`node ${id}`} data-tone={tone}>
            <b>{id}</b> {text}
          </li>
        ))}
        {Object.entries(edgeMarks).map(([id, { tone, text }]) => (
          <li key={`edge ${id}`} data-tone={tone}>
            <b>{id}</b> (arrow) {text}
          </li>
        ))}
        {settings.map((key) => (
          <li key={`setting ${key}`} data-tone="changed">
            <b>{key}</b> changed
          </li>
        ))}
      </ul>
    </div>
  );
}
