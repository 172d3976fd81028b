// SPDX-License-Identifier: Apache-2.0
/** What can be entered for a graph's parameter, and why not. */

export function nameProblem(name: string, taken: Readonly<Record<string, unknown>>): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,99}$/.test(name)) return "must be letters, digits and _, and no digit first";
  return Object.hasOwn(taken, name) ? "is there already" : null;
}

/** JSON, or nothing. */
export function jsonProblem(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    JSON.parse(text);
    return null;
  } catch {
    return 'must be JSON: a text needs quotes, such as "a"';
  }
}

/** A JSON object, or nothing. Whether it is a JSON Schema the server says. */
export function schemaProblem(text: string): string | null {
  if (text.trim() === "") return null;
  const value = jsonProblem(text) === null ? (JSON.parse(text) as unknown) : null;
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? null : 'must be a JSON object, such as {"type": "number"}';
}

/** A value as it is edited; nothing for none, and for an empty schema. */
export function shownJson(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" && Object.keys(value).length === 0 && !Array.isArray(value) ? "" : JSON.stringify(value);
}
