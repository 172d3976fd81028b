// SPDX-License-Identifier: Apache-2.0
// All revisions: what each changed against the draft, and the way back to it.
import { useEffect, useState } from "react";
import { api } from "../api/client";
import type { Revision, RevisionSummary } from "../api/types";
import type { GraphDocument } from "../graph/document";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Failure, Loading, Message } from "../ui/Message";
import { Difference } from "./Difference";
import styles from "./editor.module.css";

interface Props {
  slug: string;
  draft: GraphDocument;
  mayEdit: boolean;
  onRestore: (revision: Revision) => void;
  onClose: () => void;
}

export function HistoryDialog({ slug, draft, mayEdit, onRestore, onClose }: Props) {
  const [revisions, setRevisions] = useState<RevisionSummary[] | null>(null);
  const [shown, setShown] = useState<Revision | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    api.listRevisions(slug).then((reply) => setRevisions(reply.revisions), setError);
  }, [slug]);
  const show = (revision: number) => {
    api.readRevision(slug, revision).then(setShown, setError);
  };
  return (
    <Dialog
      title="History"
      wide
      onClose={onClose}
      actions={
        shown && (
          <Button look="primary" disabled={!mayEdit} onClick={() => onRestore(shown)}>
            Restore revision {shown.revision} as the draft
          </Button>
        )
      }
    >
      {error !== null ? (
        <Failure error={error} />
      ) : revisions === null ? (
        <Loading what="the history" />
      ) : revisions.length === 0 ? (
        <Message title="Nothing is published yet">The first publication is revision 1.</Message>
      ) : (
        <div className={styles.history}>
          <ol className={styles.revisions} aria-label="Revisions">
            {revisions.map(({ revision, author, message, published_at }) => (
              <li key={revision}>
                <button type="button" aria-pressed={shown?.revision === revision} onClick={() => show(revision)}>
                  <b>Revision {revision}</b>
                  <span>{message || "no message"}</span>
                  <span className="df-hint">
                    {author} · {new Date(published_at).toLocaleString()}
                  </span>
                </button>
              </li>
            ))}
          </ol>
          {shown ? (
            <div className={styles.beside}>
              <h3>From revision {shown.revision} to the draft</h3>
              <Difference
                key={shown.revision}
                from={shown.document}
                to={draft}
                label={`What changed since revision ${shown.revision}`}
              />
            </div>
          ) : (
            <Message title="Choose a revision">It is shown beside the draft: added, removed, changed.</Message>
          )}
        </div>
      )}
    </Dialog>
  );
}
