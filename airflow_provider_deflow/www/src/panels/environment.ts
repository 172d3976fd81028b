// SPDX-License-Identifier: Apache-2.0
/** How a compute environment is offered to a person: how busy it is, what it costs, what a job may take. */

import type { Environment as Listed } from "../api/types";

interface Limits {
  resources: { id: string; min: number; max: number }[];
  max_duration_seconds: number | null;
  max_jobs: number | null;
  running_jobs: number;
  queued_jobs: number;
}

interface Fees {
  chain_id: number;
  fee_token: string;
  prices: Record<string, string>;
}

export interface Environment {
  id: string;
  description: string;
  /** Null where every job is paid. */
  free: Limits | null;
  paid: Limits | null;
  fees: Fees[];
}

/** One of the API's listing; what an Ocean Node left out is empty. */
export function readEnvironment(listed: Listed): Environment {
  const environment = listed as Partial<Environment>;
  return {
    id: listed.id,
    description: environment.description ?? "",
    free: environment.free ?? null,
    paid: environment.paid ?? null,
    fees: environment.fees ?? [],
  };
}

/** "2 running, 1 waiting", "idle"; of the free jobs where there are any. */
export function loadText({ free, paid }: Environment): string {
  const limits = free ?? paid;
  const [running, queued] = [limits?.running_jobs ?? 0, limits?.queued_jobs ?? 0];
  if (running === 0 && queued === 0) return "idle";
  return queued === 0 ? `${running} running` : `${running} running, ${queued} waiting`;
}

/** "free", or "0.1 per cpu, 0.02 per ram a minute on chain 8453" in its first fee token. */
export function priceText({ free, fees }: Environment): string {
  if (free !== null) return "free";
  const [first] = fees;
  if (first === undefined) return "no price given";
  const prices = Object.entries(first.prices).map(([id, price]) => `${price} per ${id}`);
  return prices.length === 0 ? "no charge" : `${prices.join(", ")} a minute on chain ${first.chain_id}`;
}

/** "cpu up to 4, ram up to 8 GB, at most 3600 s". */
export function limitsText({ free, paid }: Environment): string {
  const limits = free ?? paid;
  const resources = (limits?.resources ?? [])
    .filter((resource) => resource.max > 0)
    .map(({ id, max }) => `${id} up to ${max}${id === "ram" || id === "disk" ? " GB" : ""}`);
  const longest = limits?.max_duration_seconds ?? null;
  return [...resources, ...(longest === null ? [] : [`at most ${longest} s`])].join(", ");
}

/** Everything a picker shows in one line. */
export function environmentText(environment: Environment): string {
  return `${environment.description || shortId(environment.id)} — ${priceText(environment)}, ${loadText(environment)}`;
}

/** An environment's id is two hashes; its beginning and end are enough to tell two apart. */
export function shortId(id: string): string {
  return id.length > 24 ? `${id.slice(0, 10)}…${id.slice(-8)}` : id;
}
