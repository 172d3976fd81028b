// SPDX-License-Identifier: Apache-2.0
/** Ocean's file objects: which kinds there are, what each asks for. The keys are Ocean's own. */

import type { FileObject } from "../graph/document";

export interface FileKey {
  /** The way to it in the file object. */
  keys: readonly string[];
  label: string;
  placeholder?: string;
}

export const FILE_KINDS: Readonly<Record<FileObject["type"], { name: string; fields: readonly FileKey[] }>> = {
  url: { name: "Web address", fields: [{ keys: ["url"], label: "URL", placeholder: "https://…" }] },
  ipfs: { name: "IPFS", fields: [{ keys: ["hash"], label: "Hash", placeholder: "Qm…" }] },
  arweave: { name: "Arweave", fields: [{ keys: ["transactionId"], label: "Transaction" }] },
  ftp: { name: "FTP", fields: [{ keys: ["url"], label: "URL", placeholder: "ftp://…" }] },
  nodePersistentStorage: {
    name: "Bucket of the Ocean Node",
    fields: [
      { keys: ["bucketId"], label: "Bucket" },
      { keys: ["fileName"], label: "File name" },
    ],
  },
  s3: {
    name: "S3",
    fields: [
      { keys: ["s3Access", "endpoint"], label: "Endpoint", placeholder: "https://s3.example" },
      { keys: ["s3Access", "bucket"], label: "Bucket" },
      { keys: ["s3Access", "objectKey"], label: "Object key" },
      { keys: ["s3Access", "region"], label: "Region (may be empty)" },
      { keys: ["s3Access", "accessKeyId"], label: "Access key id" },
      { keys: ["s3Access", "secretAccessKey"], label: "Secret access key" },
    ],
  },
};

export function textAt(file: FileObject, keys: readonly string[]): string {
  const value = keys.reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), file);
  return typeof value === "string" ? value : "";
}

/** `file` with the text at `keys`; an empty region is left out, as the server takes no empty one. */
export function withTextAt(file: FileObject, keys: readonly string[], text: string): FileObject {
  const [key, ...rest] = keys;
  if (key === undefined) return file;
  const next: Record<string, unknown> = { ...file };
  if (rest.length > 0) next[key] = withTextAt((isObject(file[key]) ? file[key] : {}) as unknown as FileObject, rest, text);
  else if (text === "" && key === "region") delete next[key];
  else next[key] = text;
  return next as unknown as FileObject;
}

/** An empty file object of a kind, with every key that it must have. */
export function emptyFile(type: FileObject["type"]): FileObject {
  return FILE_KINDS[type].fields.reduce<FileObject>((file, { keys }) => withTextAt(file, keys, ""), { type });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
