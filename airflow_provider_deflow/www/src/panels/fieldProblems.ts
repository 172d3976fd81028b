// SPDX-License-Identifier: Apache-2.0
/**
 * Which of a graph's problems belong to which field of a form.
 *
 * The server places a problem by path (`nodes[2].data.algorithm.image`), or by the node's or edge's id
 * when it is about the box or arrow as a whole. The words of both are `graphs/problem.py`'s.
 */

import type { Problem } from "../graph/document";

const PLAIN_KEY = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** `nodes[2].data["odd key"]` for `["nodes", 2, "data", "odd key"]`. */
export function pathOf(keys: readonly (string | number)[]): string {
  return keys.reduce<string>((path, key) => {
    if (typeof key === "number") return `${path}[${key}]`;
    if (!PLAIN_KEY.test(key)) return `${path}[${JSON.stringify(key)}]`;
    return path === "" ? key : `${path}.${key}`;
  }, "");
}

/** Whether `where` is the place `path` or lies within it. */
export function isWithin(where: string, path: string): boolean {
  if (!where.startsWith(path)) return false;
  const next = where.charAt(path.length);
  return next === "" || next === "." || next === "[";
}

/** The sentences to show at the field of `path`: its own problems, and those of what it holds. */
export function messagesAt(problems: readonly Problem[], path: string): string[] {
  return problems
    .filter((problem) => isWithin(problem.where, path))
    .map((problem) => (problem.where === path ? problem.message : `${problem.where.slice(path.length).replace(/^\./, "")}: ${problem.message}`));
}

/**
 * What a panel shows above its fields: problems of the thing itself (by `id`), and those under `prefix`
 * for which it has no field, so that no problem is ever invisible.
 */
export function unplaced(
  problems: readonly Problem[],
  { id, prefix, fields }: { id?: string; prefix: string; fields: readonly string[] },
): Problem[] {
  return problems.filter((problem) => {
    if (id !== undefined && problem.where === id) return true;
    if (!isWithin(problem.where, prefix)) return false;
    return !fields.some((field) => isWithin(problem.where, field));
  });
}
