// SPDX-License-Identifier: Apache-2.0
// A whole page or panel that has nothing to show but a sentence: empty, loading, failed, not allowed.
import type { ReactNode } from "react";
import { ApiError } from "../api/client";
import { Button } from "./Button";
import styles from "./Message.module.css";

interface Props {
  title: string;
  children?: ReactNode;
  actions?: ReactNode;
  role?: "status" | "alert";
}

export function Message({ title, children, actions, role }: Props) {
  return (
    <div className={styles.message} role={role}>
      <h2>{title}</h2>
      {children !== undefined && <div className={styles.text}>{children}</div>}
      {actions !== undefined && <div className={styles.actions}>{actions}</div>}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <Message title={`Loading ${what} …`} role="status" />
  );
}

// Why something could not be shown, in words that say what to do.
export function Failure({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const status = error instanceof ApiError ? error.status : -1;
  const title =
    status === 403
      ? "You may not see this"
      : status === 404
        ? "There is no such thing"
        : status === 401
          ? "Log in again"
          : status === 0
            ? "Airflow is not reached"
            : "That did not work";
  return (
    <Message title={title} role="alert" actions={onRetry && <Button onClick={onRetry}>Try again</Button>}>
      {error instanceof Error ? error.message : String(error)}
    </Message>
  );
}
