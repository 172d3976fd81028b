// SPDX-License-Identifier: Apache-2.0
// Autosave: a moment after the last edit the draft goes to the server, with the version that it was made from. Until
// the server has it, the browser has. Who saved over somebody else is asked; nothing is thrown away unasked.
import { ApiError } from "../api/client";
import type { GraphView } from "../api/types";
import type { GraphDocument } from "../graph/document";
import type { LocalCopies } from "./localCopy";

export type SaveState =
  | { is: "saved" }
  | { is: "unsaved" }
  | { is: "saving" }
  | { is: "failed"; why: string }
  // `theirs` null = they deleted the graph.
  | { is: "conflict"; theirs: GraphView | null };

export interface Server {
  saveDraft(slug: string, version: number, document: GraphDocument, message?: string): Promise<GraphView>;
  createGraph(document: GraphDocument): Promise<GraphView>;
}

export const QUIET_MS = 900;
const AGAIN_MS = 5000;

export class Saving {
  private state: SaveState = { is: "saved" };
  private timer: ReturnType<typeof setTimeout> | null = null;
  private running: Promise<void> | null = null;
  private readonly listeners = new Set<() => void>();
  private latest: GraphDocument;
  private stored: GraphDocument;
  private seen: GraphView;

  constructor(
    view: GraphView,
    private readonly server: Server,
    private readonly copies: LocalCopies,
  ) {
    this.seen = view;
    this.latest = view.document;
    this.stored = view.document;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
  readonly snapshot = (): SaveState => this.state;

  // The graph as the server had it last, with the version to send.
  get view(): GraphView {
    return this.seen;
  }

  // To be told of every change of the drawing.
  changed(document: GraphDocument): void {
    if (document === this.latest) return;
    this.latest = document;
    if (this.state.is === "conflict") {
      this.keepCopy();
      return;
    }
    if (document === this.stored && !this.running) {
      this.settle();
      return;
    }
    this.keepCopy();
    this.set({ is: "unsaved" });
    this.later(QUIET_MS);
  }

  // Puts what an earlier tab left behind on top, or asks when the server has something newer.
  takeUp(document: GraphDocument, version: number): void {
    this.latest = document;
    if (version === this.seen.version) {
      this.set({ is: "unsaved" });
      this.later(QUIET_MS);
    } else {
      this.keepCopy();
      this.set({ is: "conflict", theirs: this.seen });
    }
  }

  // All that was drawn is on the server when this is done; rejects with why it is not.
  async flush(): Promise<GraphView> {
    while (this.running || this.latest !== this.stored) {
      await (this.running ?? this.save());
      if (this.state.is === "failed") throw new Error(this.state.why);
      if (this.state.is === "conflict") throw new Error("Somebody else saved this graph: decide first which one stays.");
    }
    return this.seen;
  }

  // On top of what they saved, which stays in nobody's hands but the revisions'.
  async keepMine(theirs: GraphView | null): Promise<void> {
    if (theirs) this.seen = theirs;
    this.set({ is: "unsaved" });
    if (theirs) return this.save();
    this.seen = await this.server.createGraph(this.latest);
    this.stored = this.latest;
    this.settle();
  }

  // The server's is taken: after a conflict, a restore or a publication.
  taken(view: GraphView): void {
    this.seen = view;
    this.stored = view.document;
    this.latest = view.document;
    this.cancel();
    this.settle();
  }

  // Version and revision moved on, the drawing did not.
  movedOn(view: GraphView): void {
    this.seen = view;
    for (const listener of this.listeners) listener();
  }

  // The browser leaves: what the server does not have stays in the browser.
  close(): void {
    if (this.latest !== this.stored) this.keepCopy();
  }

  // Another page of DeFlow is shown: the rest is saved from here.
  leave(): void {
    this.close();
    if (this.state.is === "unsaved" || this.state.is === "failed") void this.save();
  }

  private save(): Promise<void> {
    this.cancel();
    this.running ??= this.send().finally(() => {
      this.running = null;
      if (this.state.is === "saved" && this.latest !== this.stored) {
        this.set({ is: "unsaved" });
        this.later(QUIET_MS);
      }
    });
    return this.running;
  }

  private async send(): Promise<void> {
    const sent = this.latest;
    this.set({ is: "saving" });
    try {
      this.seen = await this.server.saveDraft(this.seen.slug, this.seen.version, sent);
      this.stored = sent;
      if (this.latest === sent) this.settle();
      else this.set({ is: "saved" });
    } catch (error) {
      this.keepCopy();
      if (error instanceof ApiError && error.isConflict) {
        this.set({ is: "conflict", theirs: error.theirs });
        return;
      }
      this.set({ is: "failed", why: error instanceof Error ? error.message : String(error) });
      if (!(error instanceof ApiError) || error.status === 0 || error.status >= 500) this.later(AGAIN_MS);
    }
  }

  private settle(): void {
    this.copies.drop();
    this.cancel();
    this.set({ is: "saved" });
  }

  private keepCopy(): void {
    this.copies.keep({ document: this.latest, version: this.seen.version, at: Date.now() });
  }

  private later(milliseconds: number): void {
    this.cancel();
    this.timer = setTimeout(() => void this.save(), milliseconds);
  }

  private cancel(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.timer = null;
  }

  private set(state: SaveState): void {
    this.state = state;
    for (const listener of this.listeners) listener();
  }
}
