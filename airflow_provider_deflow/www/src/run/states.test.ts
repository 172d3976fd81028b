// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";

import { isFinal, stateText, toneOf } from "./states";

test("a job on the Ocean Node is running, though Airflow calls its task deferred", () => {
  expect(toneOf("deferred")).toBe("running");
  expect(stateText("deferred")).toBe("running on the Ocean Node");
});

test("a task that waits for nothing yet has not started", () => {
  expect([null, undefined, "", "none"].map(toneOf)).toEqual(["neutral", "neutral", "neutral", "neutral"]);
  expect(stateText(null)).toBe("not started");
});

test("a node behind a failed one is bad and says that it did not run", () => {
  expect(toneOf("upstream_failed")).toBe("failure");
  expect(stateText("upstream_failed")).toBe("not run: what comes before it failed");
});

test("a state of a later Airflow is shown by its own name", () => {
  expect(toneOf("awaiting_input")).toBe("waiting");
  expect(stateText("awaiting_input")).toBe("awaiting input");
});

test("only success and failed end a run", () => {
  expect(["success", "failed", "running", "queued", null].map(isFinal)).toEqual([true, true, false, false, false]);
});
