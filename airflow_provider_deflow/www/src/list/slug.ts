// SPDX-License-Identifier: Apache-2.0
/** A graph's slug: it names the Dag and its file, so it is short, plain and never changes. */

const SLUG = /^[a-z0-9][a-z0-9_-]{0,99}$/;

export const SLUG_RULE = "1 to 100 of a-z, 0-9, - and _, no - or _ first";

/** The slug that a name suggests: "Prédiction (v2)" becomes "prediction-v2"; empty when nothing is left. */
export function slugFrom(name: string): string {
  return name
    .normalize("NFKD")
    .replace(/[\u0300-\u036f]/g, "")
    .toLowerCase()
    .replace(/[^a-z0-9_]+/g, "-")
    .replace(/^[-_]+/, "")
    .slice(0, 100)
    .replace(/-+$/, "");
}

/** What is wrong with a slug, in words; null when it can be used. */
export function slugProblem(slug: string): string | null {
  if (slug === "") return "is needed: it names the Dag";
  return SLUG.test(slug) ? null : `must be ${SLUG_RULE}`;
}

/** A slug for a copy: `train` → `train-copy`, `train-copy-2`, … whichever is free. */
export function copySlug(slug: string, taken: ReadonlySet<string>): string {
  for (let number = 1; ; number += 1) {
    const ending = number === 1 ? "-copy" : `-copy-${number}`;
    const candidate = slug.slice(0, 100 - ending.length) + ending;
    if (!taken.has(candidate)) return candidate;
  }
}
