// SPDX-License-Identifier: Apache-2.0
// What the keys do. Listeners are there before the first paint, so that the first key is not lost; they stay the
// same ones, and read the store when they are called.
import { useLayoutEffect, useRef } from "react";
import { copy, duplicate, type Pasted, paste } from "../graph/clipboard";
import { NOTHING_SELECTED } from "../graph/document";
import { connectInOrder, everything, moveBy, removeSelected } from "../graph/edit";
import { noteIdOf } from "../graph/flow";
import { arrange } from "../graph/layout";
import { type Command, commandOf, isTyping } from "./keys";
import type { EditorStore } from "./store";

export interface Places {
  help: () => void;
  search: () => void;
  fit: () => void;
  put: (kind: string) => void;
  show: (nodeId: string) => void;
}

const STEP = 10;
const FAR = 100;
const DIRECTIONS: Partial<Record<Command, readonly [number, number]>> = {
  up: [0, -1],
  down: [0, 1],
  left: [-1, 0],
  right: [1, 0],
};
const LOOKING: ReadonlySet<Command> = new Set(["help", "all", "clear", "search", "fit", "next", "previous"]);

export function run(command: Command, store: EditorStore, places: Places, mayEdit: boolean, isFar = false): void {
  if (!mayEdit && !LOOKING.has(command)) {
    store.say("You may look at this graph, but not change it.");
    return;
  }
  const { document, selection } = store;
  const direction = DIRECTIONS[command];
  if (direction) {
    const step = isFar ? FAR : STEP;
    store.change(moveBy(document, selection, direction[0] * step, direction[1] * step), { coalesce: "move by keys" });
    return;
  }
  switch (command) {
    case "help":
      return places.help();
    case "search":
      return places.search();
    case "fit":
      return places.fit();
    case "new":
      return places.put("code");
    case "note":
      return places.put("note");
    case "connect":
      store.apply(connectInOrder(document, selection.nodes));
      return;
    case "delete":
      return store.change(removeSelected(document, selection), { selection: NOTHING_SELECTED });
    case "undo":
      return store.undo();
    case "redo":
      return store.redo();
    case "duplicate":
      return insert(store, duplicate(document, selection));
    case "all":
      return store.select(everything(document));
    case "clear":
      return store.select(NOTHING_SELECTED);
    case "arrange":
      store.change(arrange(document), { remark: "Laid out from left to right." });
      return places.fit();
    case "next":
    case "previous": {
      const at = document.nodes.findIndex(({ id }) => id === selection.nodes[0]);
      const step = command === "next" ? 1 : -1;
      const count = document.nodes.length;
      const node = document.nodes[at < 0 ? (step > 0 ? 0 : count - 1) : (at + step + count) % count];
      if (!node) return;
      store.select({ ...NOTHING_SELECTED, nodes: [node.id] });
      return places.show(node.id);
    }
  }
}

function insert(store: EditorStore, pasted: Pasted | null): void {
  if (pasted) store.change(pasted.document, { selection: pasted.selection });
}

export function useCommands(store: EditorStore, places: Places, mayEdit: boolean): void {
  const now = useRef({ places, mayEdit });
  useLayoutEffect(() => {
    now.current = { places, mayEdit };
  });
  useLayoutEffect(() => {
    const isElsewhere = (event: Event) =>
      event.defaultPrevented || isTyping(event.target) || document.querySelector("dialog[open]") !== null;

    const onKey = (event: KeyboardEvent) => {
      if (isElsewhere(event)) return;
      if (chooseFocused(store, event)) return;
      const command = commandOf(event);
      if (!command) return;
      // Buttons keep their own Enter, blank and arrows; the canvas takes the rest of the page's keys.
      if (DIRECTIONS[command] && store.selection.nodes.length + store.selection.notes.length === 0) return;
      event.preventDefault();
      run(command, store, now.current.places, now.current.mayEdit, event.shiftKey);
    };
    const onCopy = (event: ClipboardEvent) => {
      if (isElsewhere(event) || !getSelection()?.isCollapsed) return;
      const text = copy(store.document, store.selection);
      if (text === null) return;
      event.clipboardData?.setData("text/plain", text);
      event.preventDefault();
      store.say("Copied.");
      if (event.type === "cut" && now.current.mayEdit) run("delete", store, now.current.places, true);
    };
    const onPaste = (event: ClipboardEvent) => {
      if (isElsewhere(event) || !now.current.mayEdit) return;
      const pasted = paste(store.document, event.clipboardData?.getData("text/plain") ?? "");
      if (!pasted) return;
      event.preventDefault();
      insert(store, pasted);
    };
    window.addEventListener("keydown", onKey);
    window.addEventListener("copy", onCopy);
    window.addEventListener("cut", onCopy);
    window.addEventListener("paste", onPaste);
    return () => {
      window.removeEventListener("keydown", onKey);
      window.removeEventListener("copy", onCopy);
      window.removeEventListener("cut", onCopy);
      window.removeEventListener("paste", onPaste);
    };
  }, [store]);
}

// Enter or blank on a box or an arrow that has the focus chooses it; with Shift it is added.
function chooseFocused(store: EditorStore, event: KeyboardEvent): boolean {
  if (event.key !== "Enter" && event.key !== " ") return false;
  const part = event.target instanceof Element ? event.target : null;
  const id = part?.getAttribute("data-id");
  const kind = part?.classList.contains("react-flow__edge")
    ? "edges"
    : part?.classList.contains("react-flow__node")
      ? "nodes"
      : null;
  if (!id || !kind) return false;
  event.preventDefault();
  const note = noteIdOf(id);
  const [key, own] = note === null ? ([kind, id] as const) : (["notes", note] as const);
  const base = event.shiftKey ? store.selection : NOTHING_SELECTED;
  const isChosen = event.shiftKey && base[key].includes(own);
  store.select({ ...base, [key]: isChosen ? base[key].filter((one) => one !== own) : [...base[key], own] });
  return true;
}
