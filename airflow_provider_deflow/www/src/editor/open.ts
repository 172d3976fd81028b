// SPDX-License-Identifier: Apache-2.0
// What is set up when a graph is opened: the drawing, its saves, and what an earlier tab could not save.
import { api } from "../api/client";
import type { GraphView } from "../api/types";
import { sameJson } from "../graph/diff";
import { LocalCopies } from "./localCopy";
import { Saving } from "./saving";
import { EditorStore } from "./store";

const TAB = "deflow:tab";

// Reloading keeps the name; every other tab has another.
function tabName(): string {
  const random = () => crypto.getRandomValues(new Uint32Array(2)).join("-");
  try {
    const name = sessionStorage.getItem(TAB) ?? random();
    sessionStorage.setItem(TAB, name);
    return name;
  } catch {
    return random();
  }
}

export interface Opened {
  readonly store: EditorStore;
  readonly saving: Saving;
}

export function open(view: GraphView): Opened {
  const store = new EditorStore(view.document, view.problems);
  const copies = new LocalCopies(view.slug, tabName(), localStorage);
  const saving = new Saving(view, api, copies);
  const left = view.may_edit ? copies.takeOver() : null;
  if (left && !sameJson(left.document, view.document)) {
    store.change(left.document, { remark: "Brought back what had not been saved." });
    saving.takeUp(left.document, left.version);
  } else if (left) {
    copies.drop();
  }
  return { store, saving };
}
