// SPDX-License-Identifier: Apache-2.0
// What is wrong with the shown thing and has no field of its own.
import type { Problem } from "../graph/document";
import styles from "./panels.module.css";

export function Problems({ problems }: { problems: readonly Problem[] }) {
  if (problems.length === 0) return null;
  return (
    <ul className={styles.problems} aria-label="Problems">
      {problems.map((problem) => (
        <li key={`${problem.where} ${problem.code} ${problem.message}`}>
          {problem.where.includes(".") ? `${problem.where}: ` : ""}
          {problem.message}
        </li>
      ))}
    </ul>
  );
}
