// SPDX-License-Identifier: Apache-2.0
/** How a compute environment is offered to a person: how busy it is, what it costs, what a job may take. */

export interface EnvironmentResource {
  id: string;
  total: number;
  max: number;
  min: number;
  in_use: number;
}

export interface Environment {
  id: string;
  description: string;
  is_free: boolean;
  running_jobs: number;
  queued_jobs: number;
  max_duration_seconds: number | null;
  resources: EnvironmentResource[];
  fees: { chain_id: number; fee_token: string; prices: Record<string, string> }[];
}

/** "2 running, 1 waiting", "idle". */
export function loadText({ running_jobs: running, queued_jobs: queued }: Environment): string {
  if (running === 0 && queued === 0) return "idle";
  return queued === 0 ? `${running} running` : `${running} running, ${queued} waiting`;
}

/** "free", or "0.1 / cpu, 0.02 / ram a minute" in its first fee token. */
export function priceText(environment: Environment): string {
  if (environment.is_free) return "free";
  const [fees] = environment.fees;
  if (fees === undefined) return "no price given";
  const prices = Object.entries(fees.prices).map(([id, price]) => `${price} / ${id}`);
  return prices.length === 0 ? "no charge" : `${prices.join(", ")} a minute, chain ${fees.chain_id}`;
}

/** "cpu up to 4, ram up to 8 GB". */
export function limitsText({ resources }: Environment): string {
  return resources
    .filter((resource) => resource.max > 0)
    .map(({ id, max }) => `${id} up to ${max}${id === "ram" || id === "disk" ? " GB" : ""}`)
    .join(", ");
}

/** Everything a picker shows in one line. */
export function environmentText(environment: Environment): string {
  const name = environment.description || shortId(environment.id);
  return `${name} — ${priceText(environment)}, ${loadText(environment)}`;
}

/** An environment's id is two hashes; its beginning and end are enough to tell two apart. */
export function shortId(id: string): string {
  return id.length > 24 ? `${id.slice(0, 10)}…${id.slice(-8)}` : id;
}
