// SPDX-License-Identifier: Apache-2.0
/** What a quote says to a person, and which drawings are worth one. */

import type { Quote } from "../api/types";
import { type GraphDocument, isDid } from "../graph/document";
import { amountText, isZero } from "./amounts";

/** Whether a run may cost anything but gas: a paid job, or an asset that is ordered first. */
export function mayCost(document: GraphDocument): boolean {
  return document.nodes.some(
    ({ data }) => data.payment?.mode === "paid" || isDid(data.algorithm) || (data.datasets ?? []).some(isDid),
  );
}

/** "0.25 USDC + 3 OCEAN", or that it costs nothing. */
export function totalText({ totals, problems }: Quote): string {
  const due = totals.filter(({ amount }) => !isZero(amount));
  if (due.length === 0) return problems.length > 0 ? "not known" : "nothing but gas";
  return due.map(({ amount, symbol, token }) => amountText(amount, { symbol, address: token })).join(" + ");
}

/** The total against what the drawing allows. */
export function budgetText(quote: Quote): string {
  const { budget, exceeds } = quote;
  const limits = [
    budget?.per_run ? `${budget.per_run} a run` : "",
    budget?.per_day ? `${budget.per_day} a day${budget.left_today === null ? "" : `, of which ${budget.left_today} are left today`}` : "",
  ].filter(Boolean);
  if (limits.length === 0) return "The graph has no budget.";
  const limit = `The budget is ${limits.join(" and ")}.`;
  if (exceeds) return `${limit} This is more: a run would be refused before its first payment.`;
  return quote.problems.length > 0 ? `${limit} What could not be quoted comes on top.` : `${limit} This is within it.`;
}

/** How the wallet comes by the datatoken that an order is paid with. */
export function howText(how: string): string {
  switch (how) {
    case "had":
      return "the wallet has one";
    case "dispensed":
      return "given away";
    case "bought":
      return "bought";
    default:
      return how;
  }
}

/** About how many coins of the chain, from wei; gas is a guess, so three digits are enough. */
export function gasText(gasWei: string): string {
  const coins = Number(gasWei) / 1e18;
  return Number.isFinite(coins) && coins > 0 ? `about ${Number(coins.toPrecision(2))} coins of gas` : "";
}
