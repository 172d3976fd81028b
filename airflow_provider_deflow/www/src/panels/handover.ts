// SPDX-License-Identifier: Apache-2.0
/** What each way of handing files over means, and which of a producer's files an edge takes. */

export type Handover = "auto" | "bucket" | "url";

export const HANDOVERS: readonly Handover[] = ["auto", "bucket", "url"];

/** One sentence for a person who chooses. */
export function handoverText(handover: Handover, source: string, target: string): string {
  switch (handover) {
    case "auto":
      return `DeFlow picks the private way: the files of ${source} go into a bucket on the Ocean Node of ${target}, and it is a problem if ${target} cannot read one.`;
    case "bucket":
      return `The files of ${source} are uploaded to a private bucket on the Ocean Node of ${target}, which only your wallet can read.`;
    case "url":
      return `The Ocean Node of ${target} downloads the files of ${source} from a signed address that expires; until then, whoever can list that Ocean Node's jobs can read them.`;
  }
}

/** "all files", "2 patterns: *.csv, model.bin". */
export function filesText(files: readonly string[]): string {
  if (files.length === 0) return "no files";
  if (files.length === 1 && files[0] === "*") return "all files at the top of its outputs";
  return files.join(", ");
}

/** Lines of a text field as patterns: one each, without blanks around it, no empty ones. */
export function patternsOf(text: string): string[] {
  return text
    .split(/[\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== "");
}
