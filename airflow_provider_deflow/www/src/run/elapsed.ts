// SPDX-License-Identifier: Apache-2.0
/** Durations and moments as a person reads them. */

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** "0.4 s", "12 s", "3 min 5 s", "2 h 7 min", "4 d 1 h"; empty for what has not begun. */
export function elapsedText(seconds: number | null | undefined): string {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds) || seconds < 0) return "";
  // Rounded first, so that 59.7 s is a minute and never "60 s".
  if (seconds < 9.95) return `${seconds < 0.05 ? 0 : Number(seconds.toFixed(1))} s`;
  const whole = Math.round(seconds);
  if (whole < MINUTE) return `${whole} s`;
  if (whole < HOUR) return pair(whole, MINUTE, "min", 1, "s");
  if (whole < DAY) return pair(whole, HOUR, "h", MINUTE, "min");
  return pair(whole, DAY, "d", HOUR, "h");
}

/** How long a thing has run by now: the server's figure, and what passed on this clock since it was read. */
export function elapsedNow(
  seconds: number | null | undefined,
  isRunning: boolean,
  readAtMs: number,
  nowMs: number,
): number | null {
  if (seconds === null || seconds === undefined) return null;
  return isRunning ? seconds + Math.max(0, nowMs - readAtMs) / 1000 : seconds;
}

/** "in 5 min", "3 h ago", "just now"; empty where there is no moment. */
export function momentText(iso: string | null | undefined, nowMs: number): string {
  const at = iso ? Date.parse(iso) : Number.NaN;
  if (Number.isNaN(at)) return "";
  const seconds = Math.abs(at - nowMs) / 1000;
  if (seconds < 5) return "just now";
  const text = coarse(seconds);
  return at > nowMs ? `in ${text}` : `${text} ago`;
}

function pair(whole: number, big: number, bigName: string, small: number, smallName: string): string {
  const rest = Math.floor((whole % big) / small);
  const first = `${Math.floor(whole / big)} ${bigName}`;
  return rest === 0 ? first : `${first} ${rest} ${smallName}`;
}

function coarse(seconds: number): string {
  if (seconds < MINUTE) return `${Math.round(seconds)} s`;
  if (seconds < HOUR) return `${Math.round(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.round(seconds / HOUR)} h`;
  return `${Math.round(seconds / DAY)} d`;
}
