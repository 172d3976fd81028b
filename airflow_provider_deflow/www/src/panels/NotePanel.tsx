// SPDX-License-Identifier: Apache-2.0
// A note on the canvas: words for people, nothing runs.
import type { GraphNote } from "../graph/document";
import { TextField } from "./Field";
import type { PanelProps } from "./common";
import styles from "./panels.module.css";

export function NotePanel({ note, document, onChange }: PanelProps & { note: GraphNote }) {
  const write = (text: string) => {
    const notes = (document.notes ?? []).map((one) => (one.id === note.id ? { ...one, text } : one));
    onChange({ ...document, notes }, `note:${note.id}:text`);
  };
  return (
    <>
      <header className={styles.head}>
        <h2>Note</h2>
      </header>
      <div className={styles.fields}>
        <TextField label="Text" rows={6} value={note.text} onChange={write} />
      </div>
    </>
  );
}
