// SPDX-License-Identifier: Apache-2.0
/** Of a graph's newest runs the one to show in the list. */

import type { RunSummary } from "../api/types";

export interface LastAndNext {
  last: RunSummary | null;
  next: string | null;
}

/** The newest run that has begun, else one that waits; and when the schedule starts the next. */
export function lastAndNext(newestFirst: readonly RunSummary[], next: string | null): LastAndNext {
  const begun = newestFirst.find((run) => run.started_at !== null);
  return { last: begun ?? newestFirst[0] ?? null, next };
}
