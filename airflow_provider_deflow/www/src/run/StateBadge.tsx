// SPDX-License-Identifier: Apache-2.0
// A state as a coloured word with a sign, so that colour alone never tells it.
import styles from "./run.module.css";
import { glyphOf, stateText, toneOf } from "./states";

export function StateBadge({ state }: { state: string | null | undefined }) {
  const tone = toneOf(state);
  return (
    <span className={styles.badge} data-tone={tone}>
      <span aria-hidden="true">{glyphOf(tone)}</span> {stateText(state)}
    </span>
  );
}
