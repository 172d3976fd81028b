// SPDX-License-Identifier: Apache-2.0
// The browser's own modal dialog: it keeps the focus inside, closes on Escape and gives the focus back.
import { type DragEvent, type ReactNode, useEffect, useId, useRef } from "react";
import { Button } from "./Button";
import styles from "./Dialog.module.css";

interface Props {
  title: string;
  onClose: () => void;
  children: ReactNode;
  // Buttons at the foot; the first that is focusable inside `children` has the focus.
  actions?: ReactNode;
  wide?: boolean;
}

function taken(event: DragEvent) {
  event.preventDefault();
  event.stopPropagation();
}

const FIELD = ":is(input, select, textarea):not([hidden], :disabled)";

export function Dialog({ title, onClose, children, actions, wide = false }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const element = dialog.current;
    if (element && !element.open) element.showModal();
    // By itself the browser takes the first that there is: the button that closes, and Enter would throw all away.
    element?.querySelector<HTMLElement>(FIELD)?.focus();
    return () => element?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={styles.dialog}
      data-wide={wide}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      // Keys typed here are not the canvas's, nor are files dropped here the form's behind it.
      onKeyDown={(event) => event.stopPropagation()}
      onDragOver={taken}
      onDrop={taken}
    >
      <header className={styles.head}>
        <h2 id={heading}>{title}</h2>
        <Button look="plain" aria-label="Close" onClick={onClose}>
          ✕
        </Button>
      </header>
      <div className={styles.body}>{children}</div>
      {actions !== undefined && <footer className={styles.foot}>{actions}</footer>}
    </dialog>
  );
}
