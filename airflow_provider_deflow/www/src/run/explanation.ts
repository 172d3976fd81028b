// SPDX-License-Identifier: Apache-2.0
/**
 * Why a task failed, taken apart for a panel: DeFlow's errors are a sentence, then indented lines
 * (`  job   0x…`, `  log   its last lines`, `  | a line of it`, `  hint  what to do`).
 */

export interface Explanation {
  what: string;
  /** The last lines of the algorithm's own log. */
  log: string[];
  /** What to do: the server's words, else the message's own hint. */
  hint: string;
}

export function explain(message: string, hint: string): Explanation {
  const what: string[] = [];
  const log: string[] = [];
  let own = "";
  for (const line of message.split("\n")) {
    const detail = /^ {2}(\||job|log|hint)(?: +(.*))?$/.exec(line);
    if (!detail) what.push(line);
    else if (detail[1] === "|") log.push(line.slice(4));
    else if (detail[1] === "hint") own = detail[2] ?? "";
  }
  return { what: what.join("\n").trim(), log, hint: hint || own };
}
