// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import type { Asset } from "../api/types";
import { notTrusted, notUsable, priceText, servicesText } from "./assetText";

const TOKEN = "0x1234567890123456789012345678901234AbCdEf";
const price = { kind: "fixed_rate", amount: "2.50", token: TOKEN } as const;
const service = (type: string, patch: object = price) => ({
  id: type, type, name: "", timeout_seconds: 0, datatoken: TOKEN, price: { kind: "free" as const, amount: "0", token: null, ...patch },
});
const did = (digit: string) => `did:op:${digit.repeat(64)}`;
const rain: Asset = {
  did: did("1"), kind: "dataset", name: "Rain", description: "", author: "The weather office", chain_id: 1, created_at: null,
  state: "active", services: [service("compute")], license: "CC0", tags: [], data_nft: TOKEN, algorithm: null,
  trusted_algorithms: [], trusted_publishers: [], allows_inline_code: false,
};

test("a price is told with its token, and that there is none in words", () => {
  expect(priceText(price)).toBe("2.5 0x1234…CdEf");
  expect((["free", "none", "unknown"] as const).map((kind) => priceText({ kind, amount: null, token: null }))).toEqual([
    "free", "not for sale", "price not known",
  ]);
});

test("services that are alike are told once", () => {
  const services = [service("compute"), service("compute"), service("access", { kind: "free" })];
  expect(servicesText({ services })).toBe("compute: 2.5 0x1234…CdEf, access: free");
  expect(servicesText({ services: [] })).toBe("no services");
});

test("what a job would not take is said before it runs", () => {
  expect(notUsable(rain, "dataset")).toBeNull();
  expect(notUsable(rain, "algorithm")).toContain("an algorithm is needed");
  expect(notUsable({ ...rain, state: "revoked" }, "dataset")).toContain("revoked");
  expect(notUsable({ ...rain, services: [service("access")] }, "dataset")).toContain("no compute service");
});

test("a dataset that does not trust the node's algorithm says so", () => {
  expect(notTrusted(rain, { did: did("2") })).toContain("no algorithm yet");
  expect(notTrusted({ ...rain, trusted_algorithms: [did("3")] }, { did: did("2") })).toContain("not among them");
  expect(notTrusted({ ...rain, trusted_algorithms: [did("2")] }, { did: did("2") })).toBeNull();
  expect(notTrusted({ ...rain, trusted_algorithms: ["*"] }, { did: did("2") })).toBeNull();
  expect(notTrusted({ ...rain, trusted_publishers: [TOKEN] }, { did: did("2") })).toBeNull();
  expect(notTrusted(rain, { did: "" })).toBeNull();
});

test("code of one's own runs only where the dataset allows it", () => {
  expect(notTrusted({ ...rain, trusted_algorithms: ["*"] }, { code: "print()" })).toContain("no code of your own");
  expect(notTrusted({ ...rain, allows_inline_code: true }, { code: "print()" })).toBeNull();
});
