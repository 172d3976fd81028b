// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";

import { elapsedNow, elapsedText, momentText } from "./elapsed";

test("an elapsed time is shown in its two largest units", () => {
  expect([0, 0.44, 9.94, 12.3, 59.7, 185, 3600, 7620, 349_200].map(elapsedText)).toEqual([
    "0 s", "0.4 s", "9.9 s", "12 s", "1 min", "3 min 5 s", "1 h", "2 h 7 min", "4 d 1 h",
  ]);
});

test("what has not begun has no elapsed time", () => {
  expect([null, undefined, -1, Number.NaN].map(elapsedText)).toEqual(["", "", "", ""]);
});

test("a running box counts on between two replies, a finished one stands still", () => {
  expect(elapsedNow(10, true, 1000, 2500)).toBe(11.5);
  expect(elapsedNow(10, false, 1000, 2500)).toBe(10);
  expect(elapsedNow(null, true, 1000, 2500)).toBeNull();
});

test("a clock that is set back never makes a time shrink", () => {
  expect(elapsedNow(10, true, 5000, 1000)).toBe(10);
});

test("a moment is told from now", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  expect(momentText("2026-01-31T12:05:00Z", now)).toBe("in 5 min");
  expect(momentText("2026-01-31T09:00:00Z", now)).toBe("3 h ago");
  expect(momentText("2026-01-31T12:00:01Z", now)).toBe("just now");
  expect(momentText(null, now)).toBe("");
});
