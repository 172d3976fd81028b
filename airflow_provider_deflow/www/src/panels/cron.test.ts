// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";

import { cronText, scheduleText } from "./cron";

test("cron and its presets are told in words", () => {
  expect(cronText("0 6 * * 1-5")).toBe("At 06:00, Monday through Friday");
  expect(cronText("@daily")).toBe("At 00:00, every day");
});

test("what is no cron of five fields has no words", () => {
  expect(["", "* * * *", "0 0 6 * * *", "@always", "61 0 * * *"].map(cronText)).toEqual([null, null, null, null, null]);
});

test("a schedule is one sentence with its time zone", () => {
  expect(scheduleText({ cron: "0 6 * * 1-5", assets: [], timezone: "Europe/Paris" })).toBe(
    "Runs at 06:00, Monday through Friday (Europe/Paris).",
  );
});

test("a graph without a schedule says that it waits for a person", () => {
  expect(scheduleText({ cron: null, assets: [], timezone: "UTC" })).toBe("Runs only when somebody asks for it.");
});

test("a wrong cron says what a right one looks like", () => {
  expect(scheduleText({ cron: "often", assets: [], timezone: "UTC" })).toContain("such as 0 6 * * 1-5");
});

test("assets are named", () => {
  expect(scheduleText({ cron: null, assets: ["s3://b/k"], timezone: "UTC" })).toBe("Runs when s3://b/k changes.");
});
