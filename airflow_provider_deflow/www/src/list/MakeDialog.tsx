// SPDX-License-Identifier: Apache-2.0
// The frame of a dialog that makes a graph: a form, its two buttons, and why the server refused.
import type { ReactNode } from "react";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import type { Making } from "./useMaking";

interface Props {
  title: string;
  verb: string;
  form: string;
  making: Making;
  isReady?: boolean;
  wide?: boolean;
  onClose: () => void;
  onSubmit: () => Promise<void>;
  children: ReactNode;
}

export function MakeDialog({ title, verb, form, making, isReady = true, wide = false, onClose, onSubmit, children }: Props) {
  return (
    <Dialog
      title={title}
      wide={wide}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form={form} disabled={making.isSending || !isReady}>
            {verb}
          </Button>
        </>
      }
    >
      <form
        id={form}
        noValidate
        style={{ display: "contents" }}
        onSubmit={(event) => {
          event.preventDefault();
          void onSubmit();
        }}
      >
        {children}
        {making.failure !== null && (
          <p className="df-error" role="alert">
            {making.failure}
          </p>
        )}
      </form>
    </Dialog>
  );
}
