// SPDX-License-Identifier: Apache-2.0
// What the DeFlow API takes and gives, below /deflow/api/v1.
import type { GraphDocument, Problem } from "../graph/document";

export type { Problem };

export interface GraphSummary {
  slug: string;
  name: string;
  description: string;
  owner: string;
  tags: string[];
  dag_id: string;
  version: number;
  revision: number | null;
  changed_at: string | null;
  is_published: boolean;
  may_edit: boolean;
}

export interface GraphPage {
  graphs: GraphSummary[];
  total: number;
}

export interface GraphView {
  slug: string;
  dag_id: string;
  document: GraphDocument;
  // The draft's; sent back as If-Match.
  version: number;
  revision: number | null;
  saved_by: string | null;
  saved_at: string | null;
  problems: Problem[];
  may_edit: boolean;
  may_run: boolean;
}

export interface Published {
  revision: number;
  dag_id: string;
}

export interface RevisionSummary {
  revision: number;
  author: string;
  message: string;
  published_at: string;
}

export interface Revision extends RevisionSummary {
  document: GraphDocument;
}

export interface FieldChange {
  path: string;
  from: unknown;
  to: unknown;
}

export interface PartDiff {
  added: string[];
  removed: string[];
  changed: { id: string; fields: FieldChange[] }[];
}

export interface GraphDiff {
  nodes: PartDiff;
  edges: PartDiff;
  graph: FieldChange[];
}

export interface RunSummary {
  run_id: string;
  state: string;
  revision: number | null;
  started_at: string | null;
  ended_at: string | null;
  run_after: string | null;
  triggered_by: string | null;
}

export interface OutputFile {
  name: string;
  size: number;
  sha256: string;
}

export interface NodeRun {
  state: string | null;
  attempt: number;
  outcome: string | null;
  started_at: string | null;
  elapsed_seconds: number | null;
  job_id: string | null;
  ocean_node: string | null;
  message: string | null;
  hint: string | null;
  outputs: OutputFile[];
  cost?: string | null;
}

export interface EdgeRun {
  state: string | null;
  attempt?: number;
  started_at?: string | null;
  elapsed_seconds?: number | null;
  // How the files went: bucket, url, upload.
  mode?: string | null;
  files?: number | null;
  size?: number | null;
  message?: string | null;
}

export interface RunView {
  run_id: string;
  state: string;
  revision: number | null;
  started_at: string | null;
  ended_at: string | null;
  // The graph as it was when the run began.
  document: GraphDocument;
  nodes: Record<string, NodeRun>;
  // By `source__target`.
  edges: Record<string, EdgeRun>;
  results: { state: string | null; files: OutputFile[] };
}

export interface NewRun {
  params: Record<string, unknown>;
  // Ids of nodes. `only` stands alone; `from` and `to` go together.
  from?: string[];
  only?: string[];
  to?: string[];
  // New jobs also where an earlier one could stand in: all, or these nodes'.
  force_new?: boolean | string[];
}

export interface TaskLog {
  lines: string[];
  is_over: boolean;
}

export interface OceanNodeSummary {
  conn_id: string;
  url_host: string;
}

export interface Environment {
  id: string;
  [key: string]: unknown;
}

export interface Template {
  slug: string;
  name: string;
  description: string;
  document: GraphDocument;
}

export interface Upload {
  sha256: string;
  name: string;
  size: number;
}

export type ExportFormat = "deflow" | "react-flow" | "document";
export type ImportFormat = "deflow" | "react-flow" | "document";
