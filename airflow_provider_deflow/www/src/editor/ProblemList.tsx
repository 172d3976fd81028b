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
  return (
    <section className={styles.problems} aria-label="Problems">
      <button
        type="button"
        className={styles.problemsHead}
        aria-expanded={isOpen && count > 0}
        disabled={count === 0}
        data-wrong={count > 0}
        onClick={() => setOpen(!isOpen)}
      >
        {count === 0 ? "✓ No problems" : `${isOpen ? "▾" : "▸"} ${count} problem${count > 1 ? "s" : ""}`}
      </button>
      {isOpen && count > 0 && (
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
