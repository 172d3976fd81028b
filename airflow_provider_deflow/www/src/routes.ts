// SPDX-License-Identifier: Apache-2.0
// The page's addresses, below Airflow's own for a plugin.
import { useLocation, useNavigate } from "react-router-dom";

export const ROOT = "/plugin/deflow";

export const paths = {
  list: () => ROOT,
  graph: (slug: string) => `${ROOT}/graphs/${encodeURIComponent(slug)}`,
  run: (slug: string, runId: string) => `${paths.graph(slug)}/runs/${encodeURIComponent(runId)}`,
};

export type Place =
  | { page: "list" }
  | { page: "graph"; slug: string }
  | { page: "run"; slug: string; runId: string }
  | { page: "nowhere" };

export function placeOf(pathname: string): Place {
  const at = pathname.indexOf(ROOT);
  const parts = (at < 0 ? "" : pathname.slice(at + ROOT.length)).split("/").filter(Boolean).map(decodeURIComponent);
  const [graphs, slug, runs, runId, ...more] = parts;
  if (graphs === undefined) return { page: "list" };
  if (graphs === "graphs" && slug !== undefined && more.length === 0) {
    if (runs === undefined) return { page: "graph", slug };
    if (runs === "runs" && runId !== undefined) return { page: "run", slug, runId };
  }
  return { page: "nowhere" };
}

export function usePlace(): Place {
  return placeOf(useLocation().pathname);
}

// Goes to one of `paths`.
export function useGo(): (path: string) => void {
  const navigate = useNavigate();
  return (path) => void navigate(path);
}
