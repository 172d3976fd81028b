// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { cannotPay, walletText } from "./wallets";

const wallet = {
  conn_id: "ocean_wallet_default", address: "0x1234567890123456789012345678901234AbCdEf", chain_id: 8453, has_chain: true, ocean_nodes: [],
};

test("a wallet is told by its connection, its address and its chain", () => {
  expect(walletText(wallet)).toBe("ocean_wallet_default — 0x1234…CdEf on chain 8453");
  expect(walletText({ ...wallet, has_chain: false, chain_id: null })).toContain("no chain");
  expect(walletText({ ...wallet, address: null })).toContain("its key cannot be used");
});

test("what cannot pay says why", () => {
  expect(cannotPay(wallet)).toBeNull();
  expect(cannotPay({ ...wallet, has_chain: false })).toContain("rpc_url");
  expect(cannotPay({ ...wallet, address: null })).toContain("key");
});
