// SPDX-License-Identifier: Apache-2.0
// The last and the next run of each shown graph. Asked for after the table is there, so that it never waits for them.
import { useEffect, useState } from "react";
import { api } from "../api/client";
import type { GraphSummary, RunSummary } from "../api/types";
import { type LastAndNext, lastAndNext } from "./lastRuns";

// Airflow's own API for a Dag's schedule; ours has a graph's runs.
async function nextRunOf(dagId: string, signal: AbortSignal): Promise<string | null> {
  const base = document.querySelector("head > base")?.getAttribute("href") ?? "/";
  const root = new URL(base, location.origin).pathname.replace(/\/$/, "");
  const reply = await fetch(`${root}/api/v2/dags/${encodeURIComponent(dagId)}`, { signal });
  if (!reply.ok) return null;
  const dag = (await reply.json()) as { is_paused?: boolean; next_dagrun_run_after?: string | null };
  return dag.is_paused ? null : (dag.next_dagrun_run_after ?? null);
}

export function useLastRuns(graphs: readonly GraphSummary[]): Record<string, LastAndNext> {
  const [runs, setRuns] = useState<Record<string, LastAndNext>>({});
  const published = graphs.filter((graph) => graph.is_published);
  const key = published.map(({ slug }) => slug).join("\n");
  useEffect(() => {
    const leaving = new AbortController();
    for (const { slug, dag_id } of published) {
      Promise.all([api.listRuns(slug, 5), nextRunOf(dag_id, leaving.signal).catch(() => null)]).then(
        ([{ runs: listed }, next]: [{ runs: RunSummary[] }, string | null]) => {
          if (!leaving.signal.aborted) setRuns((now) => ({ ...now, [slug]: lastAndNext(listed, next) }));
        },
        // A graph whose runs cannot be read shows none; the list is of use without.
        () => undefined,
      );
    }
    return () => leaving.abort();
  }, [key]);
  return runs;
}
