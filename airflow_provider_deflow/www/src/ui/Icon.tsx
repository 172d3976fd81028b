// SPDX-License-Identifier: Apache-2.0
// Small signs in the manner of Airflow's own: lines of one width, in the colour of the text beside them.

const PATHS = {
  undo: "M5 4 2 7l3 3M2.5 7H9a3.5 3.5 0 0 1 0 7H6",
  redo: "m11 4 3 3-3 3m2.5-3H7a3.5 3.5 0 0 0 0 7h3",
  arrange: "M2 3h4v3H2zM2 10h4v3H2zM10 6.5h4v3h-4zM6 4.5h2v7H6m2-3.5h2",
  search: "M7 2.5a4.5 4.5 0 1 1 0 9 4.5 4.5 0 0 1 0-9zM10.3 10.3 14 14",
  keys: "M6 6a2 2 0 1 1 3 1.7c-.7.5-1 .9-1 1.8M8 12.2v.3",
} as const;

export function Icon({ name }: { name: keyof typeof PATHS }) {
  return (
    <svg width="16" height="16" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d={PATHS[name]} strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
