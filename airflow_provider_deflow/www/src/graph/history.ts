// SPDX-License-Identifier: Apache-2.0
// Undo and redo of everything: each step is the whole document, which shares what did not change with its neighbours.
import type { GraphDocument, Selection } from "./document";

export interface Step {
  readonly document: GraphDocument;
  readonly selection: Selection;
}

export interface History {
  readonly past: readonly Step[];
  readonly present: Step;
  readonly future: readonly Step[];
  // What the last change was about, and when, so that the letters of one word are one step.
  readonly typing: string | null;
  readonly typedAt: number;
}

export const MOST_STEPS = 1000;
const ONE_WORD_MS = 1500;

export function begin(present: Step): History {
  return { past: [], present, future: [], typing: null, typedAt: 0 };
}

// `coalesce`: changes in quick succession with the same one are undone together.
export function change(history: History, present: Step, now: number, coalesce: string | null = null): History {
  if (present.document === history.present.document) return { ...history, present };
  const isSameWord = coalesce !== null && coalesce === history.typing && now - history.typedAt < ONE_WORD_MS;
  const past = isSameWord ? history.past : [...history.past, history.present].slice(-MOST_STEPS);
  return { past, present, future: [], typing: coalesce, typedAt: now };
}

export function undo(history: History): History {
  const before = history.past.at(-1);
  if (!before) return history;
  return {
    past: history.past.slice(0, -1),
    present: before,
    future: [history.present, ...history.future],
    typing: null,
    typedAt: 0,
  };
}

export function redo(history: History): History {
  const [after, ...future] = history.future;
  if (!after) return history;
  return { past: [...history.past, history.present], present: after, future, typing: null, typedAt: 0 };
}
