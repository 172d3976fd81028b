// SPDX-License-Identifier: Apache-2.0
/** What of an output can be looked at in the page, and how much of it is fetched for that. */

export type PreviewKind = "table" | "image" | "text" | "none";

/** Of a text or a table only its beginning is fetched; an image only when it is not larger than this. */
export const TEXT_BYTES = 64 * 1024;
export const IMAGE_BYTES = 5 * 1024 * 1024;

const IMAGE_TYPES: Readonly<Record<string, string>> = {
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  svg: "image/svg+xml",
};
const TABLES = new Set(["csv", "tsv"]);
const TEXTS = new Set([
  "txt", "log", "json", "jsonl", "ndjson", "md", "py", "js", "yaml", "yml", "xml", "html", "ini", "toml", "sql", "r", "sh",
]);

function extension(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? "" : name.slice(dot + 1).toLowerCase();
}

/** How `name` (`size` bytes) is shown. A name without an extension is tried as text. */
export function previewKind(name: string, size: number): PreviewKind {
  const ends = extension(name);
  if (size === 0) return "none";
  if (ends in IMAGE_TYPES) return size <= IMAGE_BYTES ? "image" : "none";
  if (TABLES.has(ends)) return "table";
  return TEXTS.has(ends) || ends === "" ? "text" : "none";
}

/** The media type to show an image by; it never comes from the file itself. */
export function imageType(name: string): string {
  return IMAGE_TYPES[extension(name)] ?? "application/octet-stream";
}

/** "0 B", "12.3 kB", "4 MB". */
export function sizeText(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  let size = bytes;
  while (size >= 999.95 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? size : Number(size.toFixed(1))} ${units[unit]}`;
}
