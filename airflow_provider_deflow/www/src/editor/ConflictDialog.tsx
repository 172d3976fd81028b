// SPDX-License-Identifier: Apache-2.0
// Two people, or two tabs, changed one graph. Both drawings are shown; nothing is lost before somebody decides.
import { useState } from "react";
import type { GraphView } from "../api/types";
import type { GraphDocument } from "../graph/document";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Difference } from "./Difference";
import styles from "./editor.module.css";

interface Props {
  mine: GraphDocument;
  theirs: GraphView | null;
  onKeepMine: () => Promise<void>;
  onTakeTheirs: () => void;
  onLater: () => void;
}

export function ConflictDialog({ mine, theirs, onKeepMine, onTakeTheirs, onLater }: Props) {
  const [error, setError] = useState("");
  const keep = () => onKeepMine().catch((refusal: unknown) => setError(String(refusal)));
  return (
    <Dialog
      title={theirs ? "Somebody else changed this graph" : "Somebody deleted this graph"}
      wide={theirs !== null}
      onClose={onLater}
      actions={
        <>
          <Button onClick={onLater}>Decide later</Button>
          {theirs && <Button onClick={onTakeTheirs}>Take theirs</Button>}
          <Button look="primary" onClick={() => void keep()}>
            {theirs ? "Keep mine" : "Save mine as a new graph"}
          </Button>
        </>
      }
    >
      <p>
        {theirs
          ? `${theirs.saved_by || "Somebody"} saved while you were drawing. This is the way from theirs to yours. Who ` +
            "takes theirs can still undo to get back to their own drawing."
          : "Your drawing is safe in this browser."}
      </p>
      {error && (
        <p className="df-error" role="alert">
          {error}
        </p>
      )}
      {theirs && (
        <div className={styles.beside}>
          <Difference from={theirs.document} to={mine} label="From their drawing to yours" />
        </div>
      )}
    </Dialog>
  );
}
