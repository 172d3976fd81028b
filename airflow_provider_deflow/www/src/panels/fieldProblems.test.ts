// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";

import { messagesAt, pathOf, unplaced } from "./fieldProblems";

const problems = [
  { code: "bad_image", where: "nodes[1].data.algorithm.image", message: "must be an image" },
  { code: "bad_did", where: "nodes[1].data.datasets[0].did", message: "must be a DID" },
  { code: "bad_did", where: "nodes[10].data.datasets[0].did", message: "is of another node" },
  { code: "handover", where: "train", message: "cannot take files" },
  { code: "unknown_key", where: "nodes[1].data.colour", message: "is no key" },
];

test("a path is written as the server writes it", () => {
  expect(pathOf(["nodes", 2, "data", "environment_variables", "A B"])).toBe('nodes[2].data.environment_variables["A B"]');
});

test("a problem stands at its own field, and says where within the field", () => {
  expect(messagesAt(problems, "nodes[1].data.algorithm.image")).toEqual(["must be an image"]);
  expect(messagesAt(problems, "nodes[1].data.datasets")).toEqual(["[0].did: must be a DID"]);
});

test("node 1 does not show what is wrong with node 10", () => {
  expect(messagesAt(problems, "nodes[1]")).not.toContain("is of another node");
});

test("a problem without a field of its own stands above the form", () => {
  const fields = ["nodes[1].data.algorithm", "nodes[1].data.datasets"];
  const shown = unplaced(problems, { id: "train", prefix: "nodes[1]", fields });
  expect(shown.map((problem) => problem.code)).toEqual(["handover", "unknown_key"]);
});
