// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import type { NodeRun } from "../api/types";
import { boxCost, totalCost } from "./cost";

const node = (cost: string | null): NodeRun => ({
  state: "success", attempt: 1, outcome: null, started_at: null, elapsed_seconds: null, job_id: null, ocean_node: null,
  message: null, hint: null, cost, transactions: [], outputs: [],
});

test("a box has room for the amount", () => {
  expect(boxCost(null)).toBe("");
  expect(boxCost("0.25 USDC")).toBe("0.25 USDC");
  expect(boxCost("at most 0.25 0x1234…abcd")).toBe("≤ 0.25");
  expect(boxCost("0.25 USDC, at most 1 OCEAN")).toBe("0.25 USDC + ≤ 1 OCEAN");
});

test("a run costs the sum of its nodes, by token", () => {
  expect(totalCost({ a: node(null) })).toBe("");
  expect(totalCost({ a: node("0.1 USDC"), b: node("0.2 USDC"), c: node(null) })).toBe("0.3 USDC");
  expect(totalCost({ a: node("0.1 USDC"), b: node("at most 0.2 USDC, 3 OCEAN") })).toBe("at most 0.3 USDC, 3 OCEAN");
});

test("words that are no amount are in no sum", () => {
  expect(totalCost({ a: node("not known"), b: node("1 USDC") })).toBe("1 USDC");
});
