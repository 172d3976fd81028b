// SPDX-License-Identifier: Apache-2.0
/** What each way of handing files over means, and the patterns of files that an edge takes. */

import type { HandoverMode } from "../graph/document";

/** Those that can be chosen; `asset` comes later. */
export const HANDOVERS: readonly HandoverMode[] = ["auto", "bucket", "url"];

export const HANDOVER_NAMES: Readonly<Record<HandoverMode, string>> = {
  auto: "auto (private where it can be)",
  bucket: "bucket (private)",
  url: "url (a link that expires)",
  asset: "asset (a published dataset)",
};

/** One sentence for a person who chooses. */
export function handoverText(handover: HandoverMode, source: string, target: string): string {
  switch (handover) {
    case "auto":
      return `DeFlow picks the private way: the files of ${source} go into a bucket on the Ocean Node of ${target}, and it is a problem if ${target} cannot read one.`;
    case "bucket":
      return `The files of ${source} are uploaded to a private bucket on the Ocean Node of ${target}, which only your wallet can read.`;
    case "url":
      return `The Ocean Node of ${target} downloads the files of ${source} from a signed address that expires; until then, whoever can list that Ocean Node's jobs can read them.`;
    case "asset":
      return `The files of ${source} are published as a dataset that only ${target} may use.`;
  }
}

/** Lines of a text field as patterns: one each, without blanks around it, no empty ones. */
export function patternsOf(text: string): string[] {
  return text
    .split(/[\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
