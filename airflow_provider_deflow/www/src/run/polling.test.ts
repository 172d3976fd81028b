// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";

import { nextRequestIn } from "./polling";

const running = { state: "running", isHidden: false, failures: 0 };

test("the page is at most two seconds behind a run", () => {
  expect(nextRequestIn(running)).toBeLessThan(2000);
  expect(nextRequestIn({ ...running, state: "queued" })).toBeLessThan(2000);
  expect(nextRequestIn({ ...running, state: null })).toBeLessThan(2000);
});

test("a finished run is not asked about again", () => {
  expect(nextRequestIn({ ...running, state: "success" })).toBeNull();
  expect(nextRequestIn({ ...running, state: "failed" })).toBeNull();
});

test("a hidden tab asks nothing", () => {
  expect(nextRequestIn({ ...running, isHidden: true })).toBeNull();
});

test("a server that does not answer is asked less often, but is asked", () => {
  const waits = [1, 2, 3, 10, 1000].map((failures) => nextRequestIn({ ...running, failures }));
  expect(waits).toEqual([3000, 6000, 12_000, 30_000, 30_000]);
});
