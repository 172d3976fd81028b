// SPDX-License-Identifier: Apache-2.0
// What the server's own validator finds wrong, as you draw; a click goes to the place.
import { useState } from "react";
import type { Problem } from "../graph/document";
import styles from "./editor.module.css";

interface Props {
  problems: readonly Problem[];
  onShow: (problem: Problem) => void;
}

export function ProblemList({ problems, onShow }: Props) {
  const [isOpen, setOpen] = useState(false);
  const count = problems.length;
  // Nothing is drawn: that is where everybody begins, and no fault.
  const isEmpty = count === 1 && problems[0]?.code === "no_nodes";
  return (
    <section className={styles.problems} aria-label="Problems">
      <button
        type="button"
        className={styles.problemsHead}
        aria-expanded={isOpen && count > 0 && !isEmpty}
        disabled={count === 0 || isEmpty}
        data-wrong={count > 0 && !isEmpty}
        data-calm={isEmpty}
        onClick={() => setOpen(!isOpen)}
      >
        {isEmpty ? "Nothing to publish yet" : count === 0 ? "✓ No problems" : `${isOpen ? "▾" : "▸"} ${count} problem${count > 1 ? "s" : ""}`}
      </button>
      {isOpen && count > 0 && !isEmpty && (
        <ul>
          {problems.map((problem) => (
            <li key={`${problem.where} ${problem.code} ${problem.message}`}>
              <button type="button" onClick={() => onShow(problem)}>
                <b>{problem.where}</b> {problem.message}
              </button>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
