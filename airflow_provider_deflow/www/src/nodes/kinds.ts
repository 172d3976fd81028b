// SPDX-License-Identifier: Apache-2.0
// What the palette offers: each is a box as it is when it was just put down.
import type { ComputeData } from "../graph/document";

export interface Kind {
  readonly key: string;
  readonly label: string;
  readonly hint: string;
  readonly icon: string;
  // The new box's id, if nobody has it.
  readonly base: string;
  readonly data: ComputeData;
}

const FIRST_LINES = `import json, os, pathlib

inputs = pathlib.Path("/data/inputs")
outputs = pathlib.Path("/data/outputs")

for file in inputs.iterdir():
    print(file)

(outputs / "result.txt").write_text("done")
`;

export const KINDS: readonly Kind[] = [
  {
    key: "code",
    label: "Python",
    hint: "A job whose code you write here",
    icon: "{ }",
    base: "python",
    data: { label: "", algorithm: { code: FIRST_LINES }, datasets: [] },
  },
  {
    key: "did",
    label: "Algorithm",
    hint: "A job that runs a published algorithm, by its DID",
    icon: "◆",
    base: "algorithm",
    data: { label: "", algorithm: { did: "" }, datasets: [] },
  },
  {
    key: "file",
    label: "Code from a URL",
    hint: "A job whose code the Ocean Node fetches",
    icon: "↧",
    base: "job",
    data: { label: "", algorithm: { file: { type: "url", url: "" } }, datasets: [] },
  },
];

export const NOTE_KEY = "note";
export const DRAGGED = "application/x-deflow-kind";
