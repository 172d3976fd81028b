// SPDX-License-Identifier: Apache-2.0
// A part of a panel that folds away, as the browser's own <details>: keyboard and screen readers know it.
import type { ReactNode } from "react";
import styles from "./panels.module.css";

interface Props {
  title: string;
  children: ReactNode;
  isOpen?: boolean;
  /** What is inside, told while it is folded: "3 files". */
  summary?: string;
}

export function Section({ title, children, isOpen = true, summary }: Props) {
  return (
    <details className={styles.section} open={isOpen}>
      <summary>
        <h3>{title}</h3>
        {summary !== undefined && <span className="df-hint">{summary}</span>}
      </summary>
      <div className={styles.fields}>{children}</div>
    </details>
  );
}
