// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../api/client";
import type { GraphView } from "../api/types";
import type { GraphDocument } from "../graph/document";
import { drawing } from "../graph/drawings";
import { type KeyValues, LocalCopies } from "./localCopy";
import { Saving, type Server } from "./saving";

function view(version: number, document: GraphDocument = drawing("a")): GraphView {
  return { slug: "drawn", dag_id: "deflow_drawn", document, version, revision: null, has_unpublished_changes: true, saved_by: "ada", saved_at: "2026-01-31T06:00:00Z", problems: [], may_edit: true, may_run: true };
}

// A server that keeps one draft and refuses who saw another version.
class OneDraft implements Server {
  now = view(1);
  saves = 0;
  away = false;

  async saveDraft(_slug: string, version: number, document: GraphDocument): Promise<GraphView> {
    await Promise.resolve();
    if (this.away) throw new ApiError(0, { message: "away" });
    if (version !== this.now.version) throw new ApiError(409, { error: "conflict", theirs: this.now });
    this.saves += 1;
    this.now = view(version + 1, document);
    return this.now;
  }
  async createGraph(document: GraphDocument): Promise<GraphView> {
    this.now = view(1, document);
    return Promise.resolve(this.now);
  }
}

function storage(): KeyValues & { all: Map<string, string> } {
  const all = new Map<string, string>();
  return {
    all,
    getItem: (key) => all.get(key) ?? null,
    setItem: (key, value) => void all.set(key, value),
    removeItem: (key) => void all.delete(key),
    key: (at) => [...all.keys()][at] ?? null,
    get length() {
      return all.size;
    },
  };
}

let server: OneDraft;
let kept: ReturnType<typeof storage>;
const opened = (tab = "one") => new Saving(server.now, server, new LocalCopies("drawn", tab, kept));
const named = (name: string) => ({ ...drawing("a"), name });

beforeEach(() => {
  vi.useFakeTimers();
  server = new OneDraft();
  kept = storage();
});
afterEach(() => vi.useRealTimers());

test("quick edits are one save, a moment after the last", async () => {
  const saving = opened();
  for (const name of ["n", "na", "name"]) saving.changed(named(name));
  expect(saving.snapshot().is).toBe("unsaved");
  await vi.advanceTimersByTimeAsync(1000);
  expect(server.saves).toBe(1);
  expect(server.now.document.name).toBe("name");
  expect(saving.snapshot().is).toBe("saved");
});
test("the browser has the drawing until the server has it", async () => {
  const saving = opened();
  saving.changed(named("new"));
  expect(kept.all.size).toBe(1);
  await vi.advanceTimersByTimeAsync(1000);
  expect(kept.all.size).toBe(0);
});
test("a closed tab's drawing is found by the next one, and saved", async () => {
  opened("closed").changed(named("left behind"));
  vi.clearAllTimers();
  const copies = new LocalCopies("drawn", "next", kept);
  const left = copies.takeOver();
  expect(left?.document.name).toBe("left behind");
  const saving = new Saving(server.now, server, copies);
  if (left) saving.takeUp(left.document, left.version);
  await vi.advanceTimersByTimeAsync(1000);
  expect(server.now.document.name).toBe("left behind");
  expect(kept.all.size).toBe(0);
});
test("a drawing left behind that somebody else overtook is asked about, not saved", async () => {
  const copies = new LocalCopies("drawn", "next", kept);
  server.now = view(5, named("theirs"));
  const saving = new Saving(server.now, server, copies);
  saving.takeUp(named("mine"), 1);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(saving.snapshot().is).toBe("conflict");
  expect(server.now.document.name).toBe("theirs");
});
test("two tabs: the second save is a conflict that loses neither drawing", async () => {
  const [one, two] = [opened("one"), opened("two")];
  one.changed(named("one's"));
  await vi.advanceTimersByTimeAsync(1000);
  two.changed(named("two's"));
  await vi.advanceTimersByTimeAsync(1000);
  const state = two.snapshot();
  expect(state.is === "conflict" && state.theirs?.document.name).toBe("one's");
  expect([...kept.all.values()].join()).toContain("two's");
});
test("keeping mine saves it on top of theirs", async () => {
  const [one, two] = [opened("one"), opened("two")];
  one.changed(named("one's"));
  await vi.advanceTimersByTimeAsync(1000);
  two.changed(named("two's"));
  await vi.advanceTimersByTimeAsync(1000);
  await two.keepMine(server.now);
  expect(server.now.document.name).toBe("two's");
  expect(two.snapshot().is).toBe("saved");
});
test("a server that is away is asked again until it has the drawing", async () => {
  const saving = opened();
  server.away = true;
  saving.changed(named("later"));
  await vi.advanceTimersByTimeAsync(1000);
  expect(saving.snapshot().is).toBe("failed");
  server.away = false;
  await vi.advanceTimersByTimeAsync(6000);
  expect(server.now.document.name).toBe("later");
});
test("an edit made while a save is under way is saved next", async () => {
  const saving = opened();
  saving.changed(named("first"));
  vi.advanceTimersByTime(900);
  saving.changed(named("second"));
  await vi.advanceTimersByTimeAsync(3000);
  expect(server.now.document.name).toBe("second");
  expect(server.saves).toBe(2);
});
test("flushing waits until the server has all, and says why it has not", async () => {
  const saving = opened();
  saving.changed(named("now"));
  expect((await saving.flush()).document.name).toBe("now");
  server.away = true;
  saving.changed(named("never"));
  await expect(saving.flush()).rejects.toThrow("away");
});
