// SPDX-License-Identifier: Apache-2.0
// The drawing in the browser's own storage until the server has it: a closed tab or a lost network loses nothing.
// Each tab has a copy of its own, so that one tab's save does not drop what another has not saved.
import type { GraphDocument } from "../graph/document";

export interface LocalCopy {
  readonly document: GraphDocument;
  // The server's version that it was made from.
  readonly version: number;
  readonly at: number;
}

export type KeyValues = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

export class LocalCopies {
  private readonly prefix: string;

  constructor(
    slug: string,
    private readonly tab: string,
    private readonly storage: KeyValues,
  ) {
    this.prefix = `deflow:unsaved:${slug}:`;
  }

  // False = the browser keeps nothing (private mode, full): then only the server does.
  keep(copy: LocalCopy): boolean {
    try {
      this.storage.setItem(this.prefix + this.tab, JSON.stringify(copy));
      return true;
    } catch {
      return false;
    }
  }

  drop(): void {
    this.storage.removeItem(this.prefix + this.tab);
  }

  // The newest that was left behind, taken over by this tab.
  takeOver(): LocalCopy | null {
    const found = this.keys().flatMap((key) => {
      const copy = read(this.storage.getItem(key));
      return copy ? [{ key, copy }] : [];
    });
    const newest = found.sort((a, b) => b.copy.at - a.copy.at)[0];
    if (!newest) return null;
    this.storage.removeItem(newest.key);
    this.keep(newest.copy);
    return newest.copy;
  }

  private keys(): string[] {
    const all = Array.from({ length: this.storage.length }, (_, at) => this.storage.key(at) ?? "");
    return all.filter((key) => key.startsWith(this.prefix));
  }
}

function read(text: string | null): LocalCopy | null {
  try {
    const copy = JSON.parse(text ?? "null") as LocalCopy | null;
    return copy && Array.isArray(copy.document?.nodes) && Array.isArray(copy.document.edges) ? copy : null;
  } catch {
    return null;
  }
}
