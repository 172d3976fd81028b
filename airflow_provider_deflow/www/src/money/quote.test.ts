// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import type { Quote } from "../api/types";
import type { ComputeData, GraphDocument } from "../graph/document";
import { budgetText, gasText, mayCost, totalText } from "./quote";

const quote: Quote = {
  nodes: [], free: [], orders: [], problems: [], exceeds: false, budget: { per_run: "5", per_day: null, left_today: null },
  totals: [{ chain_id: 1, token: "0x1234567890123456789012345678901234AbCdEf", symbol: "USDC", amount: "0.250" }],
};
const drawing = (data: Partial<ComputeData>): GraphDocument => ({
  slug: "g", edges: [],
  nodes: [{ id: "a", type: "compute", position: { x: 0, y: 0 }, data: { algorithm: { code: "1" }, ...data } }],
});

test("only what may cost something is quoted", () => {
  expect(mayCost(drawing({}))).toBe(false);
  expect(mayCost(drawing({ payment: { mode: "free" } }))).toBe(false);
  expect(mayCost(drawing({ payment: { mode: "paid" } }))).toBe(true);
  expect(mayCost(drawing({ algorithm: { did: "did:op:1" } }))).toBe(true);
  expect(mayCost(drawing({ datasets: [{ did: "did:op:1" }] }))).toBe(true);
});

test("the total is told by token", () => {
  expect(totalText(quote)).toBe("0.25 USDC");
  const ocean = { chain_id: 1, token: "0x0", symbol: "OCEAN", amount: "3" };
  expect(totalText({ ...quote, totals: [...quote.totals, ocean] })).toBe("0.25 USDC + 3 OCEAN");
  expect(totalText({ ...quote, totals: [{ ...ocean, amount: "0" }] })).toBe("nothing but gas");
});

test("what exceeds the budget is said plainly", () => {
  expect(budgetText(quote)).toBe("The budget is 5 a run. This is within it.");
  expect(budgetText({ ...quote, exceeds: true })).toContain("refused before its first payment");
  expect(budgetText({ ...quote, budget: { per_run: null, per_day: "20", left_today: "17.5" } })).toContain(
    "20 a day, of which 17.5 are left today",
  );
  expect(budgetText({ ...quote, budget: null })).toBe("The graph has no budget.");
});

test("a total that lacks nodes is not called within the budget", () => {
  const problems = [{ code: "away", where: "a", message: "does not answer" }];
  expect(budgetText({ ...quote, problems })).toContain("comes on top");
  expect(totalText({ ...quote, totals: [], problems })).toBe("not known");
});

test("gas is a guess", () => {
  expect(gasText("340123456789012")).toBe("about 0.00034 coins of gas");
  expect(gasText("0")).toBe("");
});
