// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";

import { HANDOVERS, handoverText, patternsOf } from "./handover";

test("each handover is explained in one sentence that names both ends", () => {
  for (const handover of HANDOVERS) {
    const text = handoverText(handover, "clean", "train");
    expect(text).toContain("clean");
    expect(text).toContain("train");
    expect(text.match(/[.](\s|$)/g)).toHaveLength(1);
  }
});

test("the public way says who can read the files", () => {
  expect(handoverText("url", "a", "b")).toContain("whoever can list that Ocean Node's jobs can read them");
});

test("patterns are one a line; blanks around them and empty lines do not count", () => {
  expect(patternsOf(" *.csv \n\nmodel file.bin\n")).toEqual(["*.csv", "model file.bin"]);
});
