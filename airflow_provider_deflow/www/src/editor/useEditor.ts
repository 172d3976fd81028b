// SPDX-License-Identifier: Apache-2.0
// The stores as React reads them, and what goes on beside the drawing: checks and saves.
import { useEffect, useLayoutEffect, useSyncExternalStore } from "react";
import { api } from "../api/client";
import type { GraphDocument } from "../graph/document";
import type { Saving } from "./saving";
import type { EditorStore } from "./store";

const QUIET_MS = 350;

export function useEditor(store: EditorStore) {
  const { history, problems, checked, remark } = useSyncExternalStore(store.subscribe, store.snapshot);
  const { document, selection } = history.present;
  return {
    document,
    selection,
    problems,
    isChecked: checked === document,
    remark,
    canUndo: history.past.length > 0,
    canRedo: history.future.length > 0,
  };
}

// Asks the server what is wrong with the drawing, a moment after each change. An answer to an older one is dropped.
export function useProblems(store: EditorStore, document: GraphDocument): void {
  useEffect(() => {
    const asked = new AbortController();
    const timer = setTimeout(() => {
      api.validate(document, asked.signal).then(
        ({ problems }) => store.setProblems(problems, document),
        // Saving says so when the server is away.
        () => undefined,
      );
    }, QUIET_MS);
    return () => {
      clearTimeout(timer);
      asked.abort();
    };
  }, [store, document]);
}

// Every change is told to `saving`; a page that goes away leaves its copy.
export function useSaving(saving: Saving, document: GraphDocument, mayEdit: boolean) {
  const state = useSyncExternalStore(saving.subscribe, saving.snapshot);
  // Before the paint: what is seen has been taken note of.
  useLayoutEffect(() => {
    if (mayEdit) saving.changed(document);
  }, [saving, document, mayEdit]);
  useEffect(() => {
    const leave = () => saving.close();
    window.addEventListener("pagehide", leave);
    return () => {
      window.removeEventListener("pagehide", leave);
      saving.leave();
    };
  }, [saving]);
  return state;
}
