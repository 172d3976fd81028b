// SPDX-License-Identifier: Apache-2.0
/** An asset in a line or two, and what keeps a node from using it. */

import type { Asset, AssetKind, AssetSummary } from "../api/types";
import { type Algorithm, isDid } from "../graph/document";
import { amountText } from "../money/amounts";

export type Price = AssetSummary["services"][number]["price"];

export function priceText({ kind, amount, token }: Price): string {
  switch (kind) {
    case "free":
      return "free";
    case "none":
      return "not for sale";
    case "fixed_rate":
      return amount === null ? "for sale" : amountText(amount, { address: token });
    case "unknown":
      return "price not known";
  }
}

/** "compute: 2.5 0x1234…cdef, access: free"; alike ones once. */
export function servicesText({ services }: Pick<AssetSummary, "services">): string {
  const lines = services.map(({ type, price }) => `${type}: ${priceText(price)}`);
  return [...new Set(lines)].join(", ") || "no services";
}

/** Why a job will not take this asset as what it shall be; null when nothing speaks against it. */
export function notUsable(asset: AssetSummary, as: AssetKind): string | null {
  if (asset.kind !== as) return `This is ${article(asset.kind)}, and ${article(as)} is needed here.`;
  if (asset.state !== "active") return `Its owner has set it to “${asset.state}”: a job takes only what is active.`;
  if (as === "dataset" && !asset.services.some(({ type }) => type === "compute")) {
    return "It has no compute service: it can be downloaded, but no job runs on it.";
  }
  return null;
}

/** Why a dataset does not let the node's algorithm in; null when it does. */
export function notTrusted(dataset: Asset, algorithm: Algorithm): string | null {
  if (!isDid(algorithm)) {
    return dataset.allows_inline_code
      ? null
      : "This dataset takes no code of your own, only published algorithms that it trusts: the job will be refused.";
  }
  const { trusted_algorithms: trusted, trusted_publishers: publishers } = dataset;
  // Of a publisher only the algorithm's data NFT would tell; the server knows it when the run is asked for.
  if (algorithm.did === "" || trusted.includes("*") || trusted.includes(algorithm.did) || publishers.length > 0) return null;
  if (trusted.length === 0) return "This dataset trusts no algorithm yet: its publisher has to name this node's.";
  const count = trusted.length === 1 ? "one algorithm" : `${trusted.length} algorithms`;
  return `This dataset trusts ${count}, and this node's is not among them: the job will be refused.`;
}

function article(kind: AssetKind): string {
  return kind === "algorithm" ? "an algorithm" : "a dataset";
}
