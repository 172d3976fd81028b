// SPDX-License-Identifier: Apache-2.0
// The graph document, as the server keeps it. Values are never changed in place: an edit makes a new document that
// shares what it left alone, so that `===` tells what changed.

export interface Position {
  readonly x: number;
  readonly y: number;
}

// Ocean's own words for where a file is; each type has keys of its own.
export interface FileObject {
  readonly type: "url" | "ipfs" | "arweave" | "s3" | "ftp" | "nodePersistentStorage";
  readonly [key: string]: unknown;
}

export interface DidAlgorithm {
  readonly did: string;
}
export interface CodeAlgorithm {
  readonly code: string;
  readonly image?: string;
  readonly entrypoint?: string;
}
export interface FileAlgorithm {
  readonly file: FileObject;
  readonly image?: string;
  readonly entrypoint?: string;
}
export type Algorithm = DidAlgorithm | CodeAlgorithm | FileAlgorithm;

export interface DidDataset {
  readonly did: string;
}
export interface FileDataset {
  readonly file: FileObject;
}
export interface UploadDataset {
  readonly upload: string;
  readonly name: string;
}
export type Dataset = DidDataset | FileDataset | UploadDataset;

export interface Payment {
  readonly mode: string;
  readonly [key: string]: unknown;
}

// What is left out has the server's default.
export interface ComputeData {
  readonly label?: string;
  readonly ocean_node?: string | null;
  readonly wallet?: string | null;
  readonly environment?: string | null;
  readonly compute_resources?: Readonly<Record<string, number>>;
  readonly max_duration_seconds?: number | null;
  readonly algorithm: Algorithm;
  readonly environment_variables?: Readonly<Record<string, string>>;
  readonly datasets?: readonly Dataset[];
  readonly payment?: Payment;
  readonly retries?: number | null;
  readonly pool?: string | null;
  readonly queue?: string | null;
}

export interface GraphNode {
  readonly id: string;
  readonly type: "compute";
  readonly position: Position;
  readonly data: ComputeData;
}

export type HandoverMode = "auto" | "bucket" | "url" | "asset";

export interface EdgeData {
  readonly handover?: HandoverMode;
  readonly files?: readonly string[];
}

export interface GraphEdge {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly data?: EdgeData;
}

// Words on the canvas; nothing runs.
export interface GraphNote {
  readonly id: string;
  readonly position: Position;
  readonly width: number;
  readonly height: number;
  readonly text: string;
}

export interface Schedule {
  readonly cron?: string | null;
  readonly assets?: readonly string[];
  readonly timezone?: string;
  readonly start_date?: string | null;
  readonly catchup?: boolean;
}

export interface Parameter {
  readonly default?: unknown;
  readonly schema?: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

export interface Budget {
  readonly per_run?: string | null;
  readonly per_day?: string | null;
  readonly fee_token?: string | null;
}

export interface Defaults {
  readonly ocean_node?: string;
  readonly wallet?: string;
  readonly max_duration_seconds?: number;
  readonly retries?: number;
}

export interface GraphDocument {
  readonly slug: string;
  readonly name?: string;
  readonly description?: string;
  readonly owner?: string;
  readonly tags?: readonly string[];
  readonly schedule?: Schedule | string;
  readonly params?: Readonly<Record<string, Parameter>>;
  readonly budget?: Budget;
  readonly defaults?: Defaults;
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly notes?: readonly GraphNote[];
  readonly origin?: unknown;
}

// What is selected on the canvas, by id. Nothing selected = the graph itself.
export interface Selection {
  readonly nodes: readonly string[];
  readonly edges: readonly string[];
  readonly notes: readonly string[];
}

export const NOTHING_SELECTED: Selection = { nodes: [], edges: [], notes: [] };

export interface Problem {
  readonly code: string;
  // A node's id, an edge's id, or a path such as `nodes[2].data.algorithm`.
  readonly where: string;
  readonly message: string;
}

export const DEFAULT_IMAGE = "python:3.12-slim";
export const DEFAULT_ENTRYPOINT = "python $ALGO";

export function emptyDocument(slug: string, name = ""): GraphDocument {
  return { slug, name, nodes: [], edges: [] };
}

// An edge's task in Airflow, and its key in a run's states.
export function edgeTaskId(edge: GraphEdge): string {
  return `${edge.source}__${edge.target}`;
}

// What the box shows: its label, else its id.
export function nodeTitle(node: GraphNode): string {
  return node.data.label || node.id;
}

export function isDid(source: Algorithm | Dataset): source is DidAlgorithm & DidDataset {
  return "did" in source;
}
export function isCode(algorithm: Algorithm): algorithm is CodeAlgorithm {
  return "code" in algorithm;
}
export function isFile(source: Algorithm | Dataset): source is FileAlgorithm & FileDataset {
  return "file" in source;
}
export function isUpload(dataset: Dataset): dataset is UploadDataset {
  return "upload" in dataset;
}
