// SPDX-License-Identifier: Apache-2.0
/** A schedule as a sentence. The words for cron are cronstrue's; whether it is valid the server decides. */

import cronstrue from "cronstrue";

export const CRON_PRESETS: Readonly<Record<string, string>> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@quarterly": "0 0 1 */3 *",
  "@yearly": "0 0 1 1 *",
};

export interface Schedule {
  cron: string | null;
  assets: readonly string[];
  timezone: string;
}

/** "At 06:00, Monday through Friday"; null for what is no cron of five fields. */
export function cronText(cron: string): string | null {
  const words = cron.trim();
  const fields = CRON_PRESETS[words] ?? words;
  if (fields.split(/\s+/).length !== 5) return null;
  try {
    return cronstrue.toString(fields, { use24HourTimeFormat: true, verbose: true });
  } catch {
    return null;
  }
}

/** When the graph runs by itself, in one sentence. */
export function scheduleText({ cron, assets, timezone }: Schedule): string {
  const parts: string[] = [];
  if (cron !== null && cron.trim() !== "") {
    const text = cronText(cron);
    if (text === null) return "This is no cron expression of five fields, such as 0 6 * * 1-5.";
    parts.push(`${text} (${timezone})`);
  }
  if (assets.length > 0) parts.push(`when ${assets.join(" and ")} ${assets.length === 1 ? "changes" : "have changed"}`);
  if (parts.length === 0) return "Runs only when somebody asks for it.";
  const sentence = parts.join(", or ");
  return `Runs ${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}.`;
}
