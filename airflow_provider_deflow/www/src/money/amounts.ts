// SPDX-License-Identifier: Apache-2.0
/** Amounts of whole tokens, as decimal text: never numbers, which would round them. */

const AMOUNT = /^\d+(\.\d+)?$/;

export function isAmount(text: string): boolean {
  return AMOUNT.test(text);
}

/** "0.30" + "0.2" = "0.5". */
export function sum(amounts: readonly string[]): string {
  const places = Math.max(0, ...amounts.map(placesOf));
  return written(amounts.reduce((total, one) => total + unitsOf(one, places), 0n), places);
}

/** Below 0 when `a` is less than `b`, above 0 when it is more. */
export function compare(a: string, b: string): number {
  const places = Math.max(placesOf(a), placesOf(b));
  const difference = unitsOf(a, places) - unitsOf(b, places);
  return difference === 0n ? 0 : difference < 0n ? -1 : 1;
}

export function isZero(amount: string): boolean {
  return /^[0.]*$/.test(amount);
}

/** "0.25 OCEAN"; a token without a symbol by the beginning and end of its address. */
export function amountText(amount: string, token: { symbol?: string | null; address?: string | null }): string {
  return `${written(unitsOf(amount, placesOf(amount)), placesOf(amount))} ${tokenText(token)}`.trim();
}

export function tokenText({ symbol, address }: { symbol?: string | null; address?: string | null }): string {
  if (symbol) return symbol;
  return address ? shortAddress(address) : "tokens";
}

/** An address or a hash, short enough for a line. */
export function shortAddress(text: string): string {
  return text.length > 16 ? `${text.slice(0, 6)}…${text.slice(-4)}` : text;
}

function placesOf(amount: string): number {
  return amount.split(".")[1]?.length ?? 0;
}

function unitsOf(amount: string, places: number): bigint {
  const [whole = "0", part = ""] = amount.split(".");
  return BigInt(whole + part.padEnd(places, "0"));
}

function written(units: bigint, places: number): string {
  const digits = units.toString().padStart(places + 1, "0");
  const part = digits.slice(digits.length - places).replace(/0+$/, "");
  const whole = digits.slice(0, digits.length - places);
  return places > 0 && part ? `${whole}.${part}` : whole;
}
