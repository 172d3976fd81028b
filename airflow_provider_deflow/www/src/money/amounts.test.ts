// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { amountText, compare, isAmount, isZero, sum } from "./amounts";

test("amounts are added to the last digit", () => {
  expect(sum(["0.1", "0.2"])).toBe("0.3");
  expect(sum(["0.000000000000000001", "1000000"])).toBe("1000000.000000000000000001");
  expect(sum(["2.50", "2.5"])).toBe("5");
  expect(sum([])).toBe("0");
});

test("amounts are compared by value, not as text", () => {
  expect(compare("10", "9")).toBeGreaterThan(0);
  expect(compare("0.10", "0.1")).toBe(0);
  expect(compare("0.099", "0.1")).toBeLessThan(0);
});

test("an amount is shown with its token, without zeros that say nothing", () => {
  expect(amountText("0.2500", { symbol: "OCEAN" })).toBe("0.25 OCEAN");
  expect(amountText("10", { symbol: "USDC" })).toBe("10 USDC");
  expect(amountText("3", { address: "0x1234567890abcdef1234567890abcdef12345678" })).toBe("3 0x1234…5678");
});

test("only what is an amount counts as one", () => {
  expect(["5", "0.25", "", "-1", "1e3", "1,5", ".5", "5."].filter(isAmount)).toEqual(["5", "0.25"]);
  expect(["0", "0.00", "0.01"].map(isZero)).toEqual([true, true, false]);
});
