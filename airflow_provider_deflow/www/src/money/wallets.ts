// SPDX-License-Identifier: Apache-2.0
/** How a wallet is offered, and what keeps one from paying. */

import type { Wallet } from "../api/types";
import { shortAddress } from "./amounts";

/** "ocean_wallet_default — 0x1234…cdef on chain 8453". */
export function walletText({ conn_id, address, chain_id, has_chain }: Wallet): string {
  const where = has_chain && chain_id !== null ? ` on chain ${chain_id}` : ", no chain";
  return `${conn_id} — ${address === null ? "its key cannot be used" : shortAddress(address) + where}`;
}

/** Why a paid job, or publishing, will fail with this wallet; null when nothing is known that keeps it from paying. */
export function cannotPay(wallet: Wallet): string | null {
  if (wallet.address === null) return "The key of this connection cannot be used: see it under Admin, Connections.";
  if (!wallet.has_chain) return "This wallet only signs: its connection has no chain to pay on (rpc_url and chain_id).";
  return null;
}
