// SPDX-License-Identifier: Apache-2.0
// One function per route of the DeFlow API. Airflow's cookie goes along by itself: the page and the API are one origin.
import type { GraphDocument, Problem } from "../graph/document";
import type {
  Asset,
  AssetKind,
  AssetPage,
  Environment,
  ExportFormat,
  GraphDiff,
  GraphPage,
  GraphView,
  Imported,
  ImportFormat,
  NewAsset,
  NewRun,
  OceanNodeSummary,
  Publication,
  Published,
  Quote,
  Revision,
  RevisionSummary,
  RunSummary,
  RunView,
  StartedPublication,
  TaskLog,
  Template,
  Upload,
  Wallet,
} from "./types";

// What the API answered instead of what was asked for; `status` 0 = it was not reached.
export class ApiError extends Error {
  readonly status: number;
  readonly kind: string;
  readonly problems: readonly Problem[];
  // On a conflict: what somebody else saved meanwhile; null = they deleted it.
  readonly theirs: GraphView | null;

  constructor(status: number, reply: { error?: string; message?: string; problems?: Problem[]; theirs?: GraphView }) {
    super(reply.message ?? `The server answered with status ${status}.`);
    this.name = "ApiError";
    this.status = status;
    this.kind = reply.error ?? "";
    this.problems = reply.problems ?? [];
    this.theirs = reply.theirs ?? null;
  }

  get isConflict(): boolean {
    return this.status === 409 && this.kind === "conflict";
  }
}

// Airflow may be served below a path; its page names that in <base href>.
export function apiRoot(): string {
  const base = document.querySelector("head > base")?.getAttribute("href") ?? "/";
  return `${new URL(base, location.origin).pathname.replace(/\/$/, "")}/deflow/api/v1`;
}

type Query = Record<string, string | number | undefined>;

interface Ask {
  method?: string;
  query?: Query;
  json?: unknown;
  body?: BodyInit;
  ifMatch?: number;
  signal?: AbortSignal;
  keepalive?: boolean;
}

function url(path: string, query: Query = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string | number] => pair[1] !== undefined);
  const search = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return apiRoot() + path + (search && `?${search}`);
}

async function ask(path: string, { method = "GET", query, json, body, ifMatch, signal, keepalive }: Ask = {}): Promise<unknown> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (json !== undefined) headers["content-type"] = "application/json";
  if (ifMatch !== undefined) headers["if-match"] = `"${ifMatch}"`;
  let reply: Response;
  try {
    reply = await fetch(url(path, query), {
      method,
      headers,
      body: json !== undefined ? JSON.stringify(json) : (body ?? null),
      ...(signal && { signal }),
      ...(keepalive && { keepalive }),
    });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(0, { error: "unreachable", message: "Airflow is not reached. Is it running, and are you online?" });
  }
  const text = await reply.text();
  const read = text ? parsed(text) : null;
  if (!reply.ok) throw new ApiError(reply.status, refusal(reply.status, read));
  return read;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

// Airflow's own refusals say `detail`.
function refusal(status: number, read: unknown): ConstructorParameters<typeof ApiError>[1] {
  const reply = typeof read === "object" && read !== null ? (read as Record<string, unknown>) : {};
  if (typeof reply.message === "string") return reply;
  const detail = typeof reply.detail === "string" ? ` (${reply.detail})` : "";
  if (status === 401) return { error: "unauthenticated", message: `You are not logged in to Airflow any more${detail}.` };
  if (status === 403) return { error: "forbidden", message: `Your Airflow user may not do this${detail}.` };
  return { error: "unexpected", message: `The server answered with status ${status}${detail}.` };
}

const enc = encodeURIComponent;
const graph = (slug: string) => `/graphs/${enc(slug)}`;
const run = (slug: string, runId: string) => `${graph(slug)}/runs/${enc(runId)}`;

export const api = {
  listGraphs: (query: { search?: string; limit?: number; offset?: number } = {}, signal?: AbortSignal) =>
    ask("/graphs", { query, ...(signal && { signal }) }) as Promise<GraphPage>,
  createGraph: (document: GraphDocument) =>
    ask("/graphs", { method: "POST", json: { document } }) as Promise<GraphView>,
  readGraph: (slug: string) => ask(graph(slug)) as Promise<GraphView>,
  saveDraft: (slug: string, version: number, document: GraphDocument, message?: string) =>
    ask(`${graph(slug)}/draft`, {
      method: "PUT",
      ifMatch: version,
      json: message === undefined ? { document } : { document, message },
    }) as Promise<GraphView>,
  publish: (slug: string, version: number, message: string) =>
    ask(`${graph(slug)}/publish`, { method: "POST", ifMatch: version, json: { message } }) as Promise<Published>,
  deleteGraph: (slug: string) => ask(graph(slug), { method: "DELETE" }) as Promise<null>,
  duplicateGraph: (slug: string, newSlug: string, name?: string) =>
    ask(`${graph(slug)}/duplicate`, {
      method: "POST",
      json: name === undefined ? { slug: newSlug } : { slug: newSlug, name },
    }) as Promise<GraphView>,

  listRevisions: (slug: string) => ask(`${graph(slug)}/revisions`) as Promise<{ revisions: RevisionSummary[] }>,
  readRevision: (slug: string, revision: number) =>
    ask(`${graph(slug)}/revisions/${revision}`) as Promise<Revision>,
  restoreRevision: (slug: string, revision: number, version: number) =>
    ask(`${graph(slug)}/revisions/${revision}/restore`, { method: "POST", ifMatch: version }) as Promise<GraphView>,
  diff: (slug: string, from: number | "draft", to: number | "draft") =>
    ask(`${graph(slug)}/diff`, { query: { from, to } }) as Promise<GraphDiff>,

  validate: (document: GraphDocument, signal?: AbortSignal) =>
    ask("/validate", { method: "POST", json: { document }, ...(signal && { signal }) }) as Promise<{
      problems: Problem[];
    }>,
  importDocument: (format: ImportFormat, document: unknown, slug: string) =>
    ask("/import", { method: "POST", json: { format, document, slug } }) as Promise<Imported>,
  exportGraph: (slug: string, to: ExportFormat) => ask(`${graph(slug)}/export`, { query: { to } }),

  listRuns: (slug: string, limit?: number) =>
    ask(`${graph(slug)}/runs`, { query: { limit } }) as Promise<{ runs: RunSummary[] }>,
  startRun: (slug: string, newRun: NewRun) =>
    ask(`${graph(slug)}/runs`, { method: "POST", json: newRun }) as Promise<{ run_id: string }>,
  readRun: (slug: string, runId: string, signal?: AbortSignal) =>
    ask(run(slug, runId), signal && { signal }) as Promise<RunView>,
  stopRun: (slug: string, runId: string) => ask(`${run(slug, runId)}/stop`, { method: "POST" }) as Promise<null>,
  readLog: (slug: string, runId: string, taskId: string, attempt?: number) =>
    ask(`${run(slug, runId)}/tasks/${enc(taskId)}/log`, { query: { attempt } }) as Promise<TaskLog>,
  outputUrl: (slug: string, runId: string, sha256: string, name: string) =>
    url(`${run(slug, runId)}/outputs/${enc(sha256)}/${name.split("/").map(enc).join("/")}`),

  upload: (file: File) =>
    ask("/uploads", { method: "POST", query: { name: file.name }, body: file }) as Promise<Upload>,
  listOceanNodes: () => ask("/ocean-nodes") as Promise<{ ocean_nodes: OceanNodeSummary[] }>,
  listEnvironments: (connId: string) =>
    ask(`/ocean-nodes/${enc(connId)}/environments`) as Promise<{ environments: Environment[] }>,
  listWallets: () => ask("/wallets") as Promise<{ wallets: Wallet[] }>,
  quote: (slug: string, document: GraphDocument) =>
    ask(`${graph(slug)}/quote`, { method: "POST", json: { document } }) as Promise<Quote>,

  searchAssets: (query: { ocean_node: string; kind: AssetKind; search: string; limit: number }) =>
    ask("/assets", { query }) as Promise<AssetPage>,
  readAsset: (did: string, oceanNode: string) =>
    ask(`/assets/${enc(did)}`, { query: { ocean_node: oceanNode } }) as Promise<Asset>,
  publishAsset: (asset: NewAsset) => ask("/assets", { method: "POST", json: asset }) as Promise<StartedPublication>,
  readPublication: (runId: string, signal?: AbortSignal) =>
    ask(`/assets/publications/${enc(runId)}`, signal && { signal }) as Promise<Publication>,
  listTemplates: () => ask("/templates") as Promise<{ templates: Template[] }>,
};
