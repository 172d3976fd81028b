// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { isDidText, readTyped, shortDid } from "./did";

const DID = `did:op:${"0123456789abcdef".repeat(4)}`;

test("a DID is did:op: and a hash", () => {
  expect(isDidText(DID)).toBe(true);
  expect([`${DID}0`, DID.toUpperCase(), "did:op:", `did:ope:${"a".repeat(64)}`].some(isDidText)).toBe(false);
});

test("a DID is taken as it is typed or pasted, all else is looked for", () => {
  expect(readTyped(` ${DID}\n`)).toEqual({ did: DID });
  expect(readTyped("did:op:12")).toEqual({ did: "did:op:12" });
  expect(readTyped("  ")).toEqual({ did: "" });
  expect(readTyped("rain of ")).toEqual({ words: "rain of " });
});

test("a DID in a line keeps its ends", () => {
  expect(shortDid(DID)).toBe("did:op:0123…cdef");
});
