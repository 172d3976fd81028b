// SPDX-License-Identifier: Apache-2.0
/** The language of inline code, by what runs it: `python $ALGO`, `node $ALGO`. */

export type Language = "python" | "javascript" | "other";

export function languageOf(entrypoint: string): Language {
  const program = entrypoint.trim().split(/\s+/)[0]?.split("/").pop() ?? "";
  if (/^python[0-9.]*$/.test(program)) return "python";
  return /^(node|deno|bun)$/.test(program) ? "javascript" : "other";
}
