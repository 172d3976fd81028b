// SPDX-License-Identifier: Apache-2.0
// Asks before a run is stopped: its jobs end too, and what they computed so far is lost.
import { useState } from "react";
import { api } from "../api/client";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";

interface Props {
  slug: string;
  runId: string;
  onClose: () => void;
  onStopped: () => void;
}

export function StopDialog({ slug, runId, onClose, onStopped }: Props) {
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const stop = async () => {
    setSending(true);
    try {
      await api.stopRun(slug, runId);
      onStopped();
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error));
      setSending(false);
    }
  };
  return (
    <Dialog
      title="Stop this run?"
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Let it run</Button>
          <Button look="danger" disabled={isSending} onClick={() => void stop()}>
            {isSending ? "Stopping …" : "Stop it"}
          </Button>
        </>
      }
    >
      <p>Its jobs on the Ocean Nodes are stopped too. What finished before keeps its outputs.</p>
      {failure !== null && (
        <p className="df-error" role="alert">
          {failure}
        </p>
      )}
    </Dialog>
  );
}
