// SPDX-License-Identifier: Apache-2.0
/**
 * What the states of Airflow's runs and tasks mean to a person: one tone (a colour) and one word each.
 *
 * A compute task is `deferred` while its job is on the Ocean Node, so that is "running" here.
 */

import type { Tone as CanvasTone } from "../graph/flow";

export type Tone = Extract<CanvasTone, "neutral" | "waiting" | "running" | "success" | "failure">;

const TONES: Readonly<Record<string, Tone>> = {
  scheduled: "waiting",
  queued: "waiting",
  up_for_retry: "waiting",
  up_for_reschedule: "waiting",
  running: "running",
  restarting: "running",
  deferred: "running",
  success: "success",
  failed: "failure",
  upstream_failed: "failure",
  skipped: "neutral",
  removed: "neutral",
};

const WORDS: Readonly<Record<string, string>> = {
  up_for_retry: "waiting to try again",
  up_for_reschedule: "waiting",
  deferred: "running on the Ocean Node",
  success: "succeeded",
  upstream_failed: "not run: what comes before it failed",
  restarting: "stopping",
};

const GLYPHS: Readonly<Record<Tone, string>> = {
  neutral: "○",
  waiting: "◔",
  running: "◐",
  success: "✓",
  failure: "✕",
};

const FINAL_RUN_STATES = new Set(["success", "failed"]);

/** The tone of a state; a state that was never heard of counts as waiting. */
export function toneOf(state: string | null | undefined): Tone {
  if (isUnset(state)) return "neutral";
  return TONES[state] ?? "waiting";
}

/** The state in words: "succeeded", "not started". */
export function stateText(state: string | null | undefined): string {
  if (isUnset(state)) return "not started";
  return WORDS[state] ?? state.replaceAll("_", " ");
}

function isUnset(state: string | null | undefined): state is null | undefined | "" | "none" {
  return state === null || state === undefined || state === "" || state === "none";
}

/** A sign beside the colour, so that nobody has to tell red from green. */
export function glyphOf(tone: Tone): string {
  return GLYPHS[tone];
}

/** Whether a Dag run will not change any more by itself. */
export function isFinal(runState: string | null | undefined): boolean {
  return FINAL_RUN_STATES.has(runState ?? "");
}
