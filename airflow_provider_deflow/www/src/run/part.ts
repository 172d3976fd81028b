// SPDX-License-Identifier: Apache-2.0
/** A part of a graph to run, and what that means for the rest. */

export type PartOption = "from" | "only" | "to";

export interface RunPart {
  option: PartOption;
  nodeId: string;
}

export const PART_NAMES: Readonly<Record<PartOption, string>> = {
  from: "Run from here",
  only: "Run only this",
  to: "Run up to here",
};

/** What will be computed, in a sentence or two. */
export function partText(part: RunPart | undefined): string {
  if (part === undefined) return "Every node runs. What an earlier run computed from the same inputs is taken from there.";
  const { option, nodeId } = part;
  switch (option) {
    case "from":
      return `${nodeId} and all that follows it run. Everything else stands in from an earlier run.`;
    case "only":
      return `Only ${nodeId} runs, on what an earlier run computed before it. What follows is skipped.`;
    case "to":
      return `${nodeId} and all that it needs run. Everything else is skipped.`;
  }
}
