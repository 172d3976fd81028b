// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { environmentText, limitsText, readEnvironment, shortId } from "./environment";

const limits = {
  resources: [
    { id: "cpu", min: 1, max: 4 },
    { id: "ram", min: 1, max: 8 },
    { id: "gpu", min: 0, max: 0 },
  ],
  max_duration_seconds: 3600,
  max_jobs: 3,
  running_jobs: 2,
  queued_jobs: 1,
};

test("a free environment is offered as free, with its load", () => {
  const environment = readEnvironment({ id: "0xa-0xb", description: "small", free: limits, paid: null, fees: [] });
  expect(environmentText(environment)).toBe("small — free, 2 running, 1 waiting");
  expect(limitsText(environment)).toBe("cpu up to 4, ram up to 8 GB, at most 3600 s");
});

test("a paid one shows what a minute costs", () => {
  const fees = [{ chain_id: 8453, fee_token: "0x1", prices: { cpu: "0.1", ram: "0.02" } }];
  const idle = { ...limits, running_jobs: 0, queued_jobs: 0 };
  const environment = readEnvironment({ id: "e", description: "large", free: null, paid: idle, fees });
  expect(environmentText(environment)).toBe("large — 0.1 per cpu, 0.02 per ram a minute on chain 8453, idle");
});

test("an Ocean Node that says little is shown all the same", () => {
  expect(environmentText(readEnvironment({ id: "e" }))).toBe("e — no price given, idle");
});

test("two long ids stay apart", () => {
  expect(shortId(`0x${"a".repeat(60)}-free`)).toBe("0xaaaaaaaa…aaa-free");
});
