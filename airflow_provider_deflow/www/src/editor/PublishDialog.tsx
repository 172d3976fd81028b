// SPDX-License-Identifier: Apache-2.0
// A revision for ever, with a message; only a drawing without problems becomes one.
import { useId, useState } from "react";
import { ApiError } from "../api/client";
import type { Problem } from "../graph/document";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import styles from "./editor.module.css";

interface Props {
  problems: readonly Problem[];
  nextRevision: number;
  onPublish: (message: string) => Promise<void>;
  onShow: (problem: Problem) => void;
  onClose: () => void;
}

export function PublishDialog({ problems, nextRevision, onPublish, onShow, onClose }: Props) {
  const [message, setMessage] = useState("");
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const id = useId();
  const found = error instanceof ApiError && error.problems.length > 0 ? error.problems : problems;
  const publish = async () => {
    setBusy(true);
    setError(null);
    try {
      await onPublish(message.trim());
      onClose();
    } catch (refusal) {
      setError(refusal);
      setBusy(false);
    }
  };
  return (
    <Dialog
      title={`Publish revision ${nextRevision}`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form={id} disabled={isBusy || problems.length > 0}>
            {isBusy ? "Publishing …" : "Publish"}
          </Button>
        </>
      }
    >
      <p>Airflow runs what was published last. Runs that are under way keep the revision they began with.</p>
      <form
        id={id}
        className="df-field"
        onSubmit={(event) => {
          event.preventDefault();
          if (!isBusy && problems.length === 0) void publish();
        }}
      >
        <label htmlFor={`${id}-message`}>What is new (for the history)</label>
        <input
          id={`${id}-message`}
          className="df-input"
          autoFocus
          maxLength={500}
          value={message}
          onChange={(event) => setMessage(event.target.value)}
        />
      </form>
      {error !== null && (
        <p className="df-error" role="alert">
          {error instanceof Error ? error.message : String(error)}
        </p>
      )}
      {found.length > 0 && (
        <>
          <p className="df-error">{found.length === 1 ? "One problem is" : `${found.length} problems are`} in the way:</p>
          <ul className={styles.found}>
            {found.map((problem) => (
              <li key={`${problem.where}${problem.code}${problem.message}`}>
                <button type="button" onClick={() => onShow(problem)}>
                  <b>{problem.where}</b> {problem.message}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
    </Dialog>
  );
}
