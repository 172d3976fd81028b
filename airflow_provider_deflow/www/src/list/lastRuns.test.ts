// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { lastAndNext } from "./lastRuns";

const run = (run_id: string, started_at: string | null) => ({
  run_id, state: "success", revision: 1, started_at, ended_at: null, run_after: null, triggered_by: null,
});

test("the last run is the newest that has begun", () => {
  const runs = [run("waiting", null), run("begun", "2026-01-31T00:00:00Z"), run("older", "2026-01-30T00:00:00Z")];
  expect(lastAndNext(runs, null).last?.run_id).toBe("begun");
});

test("while none has begun, the one that waits is shown", () => {
  expect(lastAndNext([run("waiting", null)], null).last?.run_id).toBe("waiting");
  expect(lastAndNext([], "2026-02-01T00:00:00Z")).toEqual({ last: null, next: "2026-02-01T00:00:00Z" });
});
