// SPDX-License-Identifier: Apache-2.0
// What is open in the editor: the drawing with its history, what is selected, what the server finds wrong with it.
// No React here; components read it by `useEditor`.
import { type GraphDocument, NOTHING_SELECTED, type Problem, type Selection } from "../graph/document";
import { type Edited, stillThere } from "../graph/edit";
import * as history from "../graph/history";

export interface EditorState {
  readonly history: history.History;
  readonly problems: readonly Problem[];
  // The drawing that they were found in; it may have changed since.
  readonly checked: GraphDocument;
  // The last refusal or remark, for the status line and for screen readers.
  readonly remark: string;
}

export class EditorStore {
  private state: EditorState;
  private readonly listeners = new Set<() => void>();

  constructor(document: GraphDocument, problems: readonly Problem[] = []) {
    const present = { document, selection: NOTHING_SELECTED };
    this.state = { history: history.begin(present), problems, checked: document, remark: "" };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly snapshot = (): EditorState => this.state;

  get document(): GraphDocument {
    return this.state.history.present.document;
  }

  get selection(): Selection {
    return this.state.history.present.selection;
  }

  change(document: GraphDocument, options: { selection?: Selection; coalesce?: string | undefined; remark?: string } = {}): void {
    const selection = stillThere(document, options.selection ?? this.selection);
    const next = history.change(this.state.history, { document, selection }, Date.now(), options.coalesce);
    this.set({ history: next, remark: options.remark ?? "" });
  }

  // An edit that may have been refused; what it made is selected if `select` says as what.
  apply(edited: Edited, select?: keyof Selection): boolean {
    if (!edited.ok) {
      this.say(edited.refusal);
      return false;
    }
    const selection = select && edited.id ? { ...NOTHING_SELECTED, [select]: [edited.id] } : undefined;
    this.change(edited.document, selection && { selection });
    return true;
  }

  // Choosing is no step of its own, but undo brings back what was chosen.
  select(selection: Selection): void {
    const there = stillThere(this.document, selection);
    const now = this.selection;
    const isSame = (["nodes", "edges", "notes"] as const).every(
      (kind) => there[kind].length === now[kind].length && there[kind].every((id) => now[kind].includes(id)),
    );
    if (isSame) return;
    const present = { document: this.document, selection: there };
    this.set({ history: { ...this.state.history, present } });
  }

  undo(): void {
    this.travel(history.undo(this.state.history), "There is nothing to undo.", "Undone.");
  }

  redo(): void {
    this.travel(history.redo(this.state.history), "There is nothing to redo.", "Redone.");
  }

  setProblems(problems: readonly Problem[], checked: GraphDocument): void {
    this.set({ problems, checked });
  }

  say(remark: string): void {
    this.set({ remark });
  }

  private travel(to: history.History, nothing: string, done: string): void {
    this.set(to === this.state.history ? { remark: nothing } : { history: to, remark: done });
  }

  private set(change: Partial<EditorState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
