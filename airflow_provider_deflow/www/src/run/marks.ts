// SPDX-License-Identifier: Apache-2.0
/** A run's figures as marks on the canvas: state, elapsed time and attempt, on every box and every arrow. */

import type { NodeRun, RunView } from "../api/types";
import { edgeTaskId, type GraphDocument } from "../graph/document";
import type { NodeMark } from "../graph/flow";
import { boxCost } from "./cost";
import { elapsedNow, elapsedText } from "./elapsed";
import { glyphOf, stateText, toneOf } from "./states";

type Marks = Record<string, NodeMark>;

interface Task {
  state: string | null;
  attempt?: number;
  elapsed_seconds?: number | null;
  outcome?: string | null;
  cost?: string | null;
}

/** The line of one task: "✓ succeeded · 12 s · attempt 2"; and beside the name what it cost. */
export function markOf(task: Task, readAtMs: number, nowMs: number): NodeMark {
  const tone = toneOf(task.state);
  const elapsed = elapsedText(elapsedNow(task.elapsed_seconds, tone === "running", readAtMs, nowMs));
  const attempt = task.attempt ?? 0;
  const words = [
    `${glyphOf(tone)} ${task.outcome === "reused" ? "reused" : shortText(task.state)}`,
    elapsed,
    attempt > 1 ? `attempt ${attempt}` : "",
  ];
  const cost = boxCost(task.cost ?? null);
  return { tone, text: words.filter((word) => word !== "").join(" · "), ...(cost && { aside: cost }) };
}

export function nodeMarks(document: GraphDocument, nodes: RunView["nodes"], readAtMs: number, nowMs: number): Marks {
  return Object.fromEntries(document.nodes.map(({ id }) => [id, markOf(nodes[id] ?? NOTHING, readAtMs, nowMs)]));
}

/** By edge id, as the canvas wants it; the run has them by task. */
export function edgeMarks(document: GraphDocument, edges: RunView["edges"], readAtMs: number, nowMs: number): Marks {
  return Object.fromEntries(
    document.edges.map((edge) => [edge.id, shortened(markOf(edges[edgeTaskId(edge)] ?? NOTHING, readAtMs, nowMs))]),
  );
}

/** How far the run is: "2 of 4 nodes done". */
export function progressText(nodes: Record<string, NodeRun>): string {
  const all = Object.values(nodes);
  const done = all.filter(({ state }) => toneOf(state) === "success" || state === "skipped").length;
  return `${done} of ${all.length} ${all.length === 1 ? "node" : "nodes"} done`;
}

// An arrow can be short: what went well is its sign and its time.
function shortened(mark: NodeMark): NodeMark {
  if (mark.tone === "neutral") return { tone: mark.tone, text: "○" };
  return mark.tone === "success" ? { tone: mark.tone, text: mark.text.replace(/^(\S) [a-z]+( · )?/, "$1 ").trim() } : mark;
}

const NOTHING: Task = { state: null };

// A box has room for a word or two.
function shortText(state: string | null): string {
  if (state === "deferred") return "computing";
  if (state === "upstream_failed") return "not run";
  if (state === "up_for_retry") return "will retry";
  return stateText(state);
}
