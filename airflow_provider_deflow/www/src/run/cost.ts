// SPDX-License-Identifier: Apache-2.0
/** What the nodes of a run cost, from the server's words: `0.25 USDC`, `at most 0.25 0x1234…abcd, 1 OCEAN`. */

import type { NodeRun } from "../api/types";
import { isAmount, sum } from "../money/amounts";

const AT_MOST = "at most ";

interface Part {
  token: string;
  amount: string;
  isSettled: boolean;
}

function partsOf(cost: string): Part[] {
  return cost.split(", ").flatMap((words) => {
    const isSettled = !words.startsWith(AT_MOST);
    const [amount = "", token = ""] = words.slice(isSettled ? 0 : AT_MOST.length).split(" ");
    return isAmount(amount) ? [{ token, amount, isSettled }] : [];
  });
}

/** Short enough for a box: "≤ 0.25 USDC"; a token without a symbol is left out. */
export function boxCost(cost: string | null): string {
  if (cost === null) return "";
  return partsOf(cost)
    .map(({ token, amount, isSettled }) => `${isSettled ? "" : "≤ "}${amount}${token.startsWith("0x") ? "" : ` ${token}`}`)
    .join(" + ");
}

/** All nodes together, by token; "at most" as long as one of them may still cost less. Empty when nothing was paid. */
export function totalCost(nodes: Readonly<Record<string, NodeRun>>): string {
  const parts = Object.values(nodes).flatMap(({ cost }) => (cost === null ? [] : partsOf(cost)));
  const tokens = [...new Set(parts.map(({ token }) => token))];
  return tokens
    .map((token) => {
      const ofIt = parts.filter((part) => part.token === token);
      const atMost = ofIt.every(({ isSettled }) => isSettled) ? "" : AT_MOST;
      return `${atMost}${sum(ofIt.map(({ amount }) => amount))} ${token}`.trim();
    })
    .join(", ");
}
