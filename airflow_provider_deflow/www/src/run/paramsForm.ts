// SPDX-License-Identifier: Apache-2.0
/**
 * The trigger dialog's form, made from a graph's params and their JSON Schemas.
 *
 * It knows the schemas that a form can show (text, number, yes/no, a choice) and asks for JSON otherwise.
 * Whether a value is right in every detail the server decides; here only what cannot be sent is refused.
 */

export interface Parameter {
  default?: unknown;
  schema?: Record<string, unknown>;
}

export type FieldKind = "text" | "number" | "integer" | "boolean" | "choice" | "json";

export interface Field {
  name: string;
  label: string;
  description: string;
  kind: FieldKind;
  /** Whether a run must be given a value, as there is no default. */
  isRequired: boolean;
  choices: unknown[];
  minimum: number | null;
  maximum: number | null;
  /** What the form shows at first, as text. */
  initial: string;
}

export interface Reading {
  /** Only what differs from its default: a run without them takes the graph's own. */
  params: Record<string, unknown>;
  problems: Record<string, string>;
}

export function fieldsOf(params: Record<string, Parameter>): Field[] {
  return Object.entries(params).map(([name, parameter]) => fieldOf(name, parameter));
}

/** What a person entered, as params to send, and what is wrong with it by field. */
export function readForm(fields: readonly Field[], entered: Record<string, string>): Reading {
  const reading: Reading = { params: {}, problems: {} };
  for (const field of fields) {
    const text = entered[field.name] ?? field.initial;
    if (text.trim() === "" && field.kind !== "text") {
      if (field.isRequired) reading.problems[field.name] = "needs a value: it has no default";
      continue;
    }
    if (text === "" && field.isRequired) {
      reading.problems[field.name] = "needs a value: it has no default";
      continue;
    }
    if (text === field.initial && !field.isRequired) continue;
    const read = valueOf(field, text);
    if (typeof read === "string") reading.problems[field.name] = read;
    else reading.params[field.name] = read.value;
  }
  return reading;
}

function fieldOf(name: string, parameter: Parameter): Field {
  const schema = parameter.schema ?? {};
  const fallback = parameter.default ?? null;
  const choices = Array.isArray(schema.enum) ? schema.enum : [];
  const kind = kindOf(schema, fallback, choices);
  return {
    name,
    label: typeof schema.title === "string" ? schema.title : name,
    description: typeof schema.description === "string" ? schema.description : "",
    kind,
    isRequired: fallback === null,
    choices,
    minimum: numberOr(schema.minimum),
    maximum: numberOr(schema.maximum),
    initial: fallback === null ? "" : asText(kind, fallback),
  };
}

function kindOf(schema: Record<string, unknown>, fallback: unknown, choices: unknown[]): FieldKind {
  if (choices.length > 0) return "choice";
  const types = (Array.isArray(schema.type) ? schema.type : [schema.type]).filter((type) => type !== "null");
  const type: unknown = types.length === 1 ? types[0] : undefined;
  switch (type ?? (fallback === null ? "string" : typeof fallback)) {
    case "string":
      return "text";
    case "integer":
      return "integer";
    case "number":
      return "number";
    case "boolean":
      return "boolean";
    default:
      return "json";
  }
}

function asText(kind: FieldKind, value: unknown): string {
  // A choice is kept as JSON, so that 1 and "1" stay two choices.
  return kind === "text" && typeof value === "string" ? value : JSON.stringify(value);
}

function valueOf(field: Field, text: string): { value: unknown } | string {
  switch (field.kind) {
    case "text":
      return { value: text };
    case "boolean":
      return { value: text === "true" };
    case "number":
    case "integer":
      return numberOf(field, text);
    case "choice":
    case "json":
      try {
        return { value: JSON.parse(text) as unknown };
      } catch {
        return 'must be JSON, such as ["a", "b"] or {"key": 1}';
      }
  }
}

function numberOf({ kind, minimum, maximum }: Field, text: string): { value: number } | string {
  const value = Number(text);
  if (!Number.isFinite(value)) return "must be a number";
  if (kind === "integer" && !Number.isInteger(value)) return "must be a whole number";
  if (minimum !== null && value < minimum) return `must be at least ${minimum}`;
  if (maximum !== null && value > maximum) return `must be at most ${maximum}`;
  return { value };
}

function numberOr(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}
