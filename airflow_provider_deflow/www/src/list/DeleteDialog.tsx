// SPDX-License-Identifier: Apache-2.0
// Asks before a graph is deleted. The slug has to be typed where runs would stop.
import { useId, useState } from "react";
import { api } from "../api/client";
import type { GraphSummary } from "../api/types";
import { TextField } from "../panels/Field";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";

interface Props {
  graph: GraphSummary;
  onClose: () => void;
  onDeleted: () => void;
}

export function DeleteDialog({ graph, onClose, onDeleted }: Props) {
  const form = useId();
  const [typed, setTyped] = useState("");
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const isSure = !graph.is_published || typed === graph.slug;
  const remove = async () => {
    if (!isSure) return;
    setSending(true);
    try {
      await api.deleteGraph(graph.slug);
      onDeleted();
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
      setSending(false);
    }
  };
  return (
    <Dialog
      title={`Delete ${graph.name || graph.slug}?`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Keep it</Button>
          <Button look="danger" type="submit" form={form} disabled={!isSure || isSending}>
            Delete
          </Button>
        </>
      }
    >
      <form
        id={form}
        style={{ display: "contents" }}
        onSubmit={(event) => {
          event.preventDefault();
          void remove();
        }}
      >
        <p>
          {graph.is_published
            ? `The drawing is deleted, and its Dag ${graph.dag_id} disappears from Airflow: it will not run again.`
            : "The drawing is deleted. It was never published."}
        </p>
        {graph.is_published && (
          <TextField label={`Type ${graph.slug} to confirm`} isCode value={typed} onChange={setTyped} />
        )}
        {failure !== null && (
          <p className="df-error" role="alert">
            {failure}
          </p>
        )}
      </form>
    </Dialog>
  );
}
