// SPDX-License-Identifier: Apache-2.0
// What can be put on the canvas: by dragging, or by a click or Enter in the middle of what is seen.
import { DRAGGED, KINDS, NOTE_KEY } from "../nodes/kinds";
import styles from "./editor.module.css";

interface Props {
  onAdd: (key: string) => void;
}

const NOTE = { key: NOTE_KEY, label: "Note", hint: "Words for people; nothing runs", icon: "✎" };

export function Palette({ onAdd }: Props) {
  return (
    <nav className={styles.palette} aria-label="Palette">
      <h2>Add</h2>
      {[...KINDS, NOTE].map(({ key, label, hint, icon }) => (
        <button
          key={key}
          type="button"
          draggable
          title={hint}
          onClick={() => onAdd(key)}
          onDragStart={(event) => {
            event.dataTransfer.setData(DRAGGED, key);
            event.dataTransfer.effectAllowed = "copy";
          }}
        >
          <span aria-hidden="true">{icon}</span>
          {label}
        </button>
      ))}
      <p className="df-hint">Drag onto the canvas, or click. Drop a file to use it as data.</p>
    </nav>
  );
}
