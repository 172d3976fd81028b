// SPDX-License-Identifier: Apache-2.0
/**
 * When a run is asked about again: at most 2 s behind while it runs, never when that is of no use.
 *
 * A hidden tab asks nothing (it asks at once when it is seen again). A server that does not answer is
 * asked less and less often, so that a thousand open tabs do not keep a restarting one down.
 */

import { isFinal } from "./states";

export const INTERVAL_MS = 1500;
export const LONGEST_MS = 30_000;

export interface Situation {
  /** The run's state in the last reply; null before the first. */
  state: string | null;
  isHidden: boolean;
  /** How many requests in a row got no reply. */
  failures: number;
}

/** Milliseconds until the next request; null = none until something changes. */
export function nextRequestIn({ state, isHidden, failures }: Situation): number | null {
  if (isHidden || isFinal(state)) return null;
  if (failures > 0) return Math.min(LONGEST_MS, INTERVAL_MS * 2 ** Math.min(failures, 10));
  return INTERVAL_MS;
}
