// SPDX-License-Identifier: Apache-2.0
/** What a pasted or chosen JSON text is: whose drawing, and what it would be called here. */

import { slugFrom } from "./slug";

/** `document` is DeFlow's own form; the other two are read by the server's importers. */
export type DrawingForm = "document" | "deflow" | "react-flow";

export interface Drawing {
  form: DrawingForm;
  document: Record<string, unknown>;
  suggestedName: string;
  suggestedSlug: string;
}

export const FORM_NAMES: Readonly<Record<DrawingForm, string>> = {
  document: "a DeFlow graph document",
  deflow: "a document of the original DeFlow",
  "react-flow": "a React Flow drawing",
};

/** The drawing in `text`, or a sentence that says why there is none. */
export function readDrawing(text: string, fileName = ""): Drawing | string {
  if (text.trim() === "") return "Choose a file, or paste its text.";
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    return `This is not JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
  if (!isObject(document) || !Array.isArray(document.nodes)) {
    return "This is JSON, but no drawing: there is no list of nodes in it.";
  }
  const name = typeof document.name === "string" ? document.name : "";
  const slug = typeof document.slug === "string" ? document.slug : "";
  return {
    form: formOf(document),
    document,
    suggestedName: name,
    suggestedSlug: slug || slugFrom(name) || slugFrom(fileName.replace(/\.json$/i, "")),
  };
}

function formOf(document: Record<string, unknown>): DrawingForm {
  if (typeof document.slug === "string") return "document";
  const hasOldNode = (document.nodes as unknown[]).some(
    (node) => isObject(node) && isObject(node.data) && ("algorithm_id" in node.data || "ocean_node_address" in node.data),
  );
  return hasOldNode || "orders" in document ? "deflow" : "react-flow";
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
