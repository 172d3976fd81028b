// SPDX-License-Identifier: Apache-2.0
// What `?` shows.
import { Dialog } from "../ui/Dialog";
import { BINDINGS, shown } from "./keys";
import styles from "./editor.module.css";

export function KeyboardSheet({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose}>
      <dl className={styles.keys}>
        {BINDINGS.map(({ command, keys, words }) => (
          <div key={command}>
            <dt>
              {keys
                .filter((key) => !key.startsWith("shift+arrow"))
                .map((key) => (
                  <kbd key={key}>{shown(key)}</kbd>
                ))}
            </dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
      <p className="df-hint">
        Tab goes from box to box and from arrow to arrow; Enter selects, Shift + Enter adds to the selection. Hold Shift
        and drag to select an area.
      </p>
    </Dialog>
  );
}
