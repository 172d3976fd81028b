// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { explain } from "./explanation";

const MESSAGE = `'train' on http://node: It failed while running the algorithm: it ended with exit code 1 (status 71).
  job   0x7d18
  log   its last lines
  | Traceback:
  |   no column called age
  hint  The last lines of its log tell why.`;

test("a failed job is told in a sentence, its log beside it", () => {
  expect(explain(MESSAGE, "Mend the code.")).toEqual({
    what: "'train' on http://node: It failed while running the algorithm: it ended with exit code 1 (status 71).",
    log: ["Traceback:", "  no column called age"],
    hint: "Mend the code.",
  });
});

test("without the server's hint the message's own is shown", () => {
  expect(explain(MESSAGE, "").hint).toBe("The last lines of its log tell why.");
});

test("a message of another form is shown whole", () => {
  const said = "InsufficientFunds: 0xA1 has 2.50 USDC.\n  Deposit 0.70 USDC.";
  expect(explain(said, "")).toEqual({ what: said, log: [], hint: "" });
});
