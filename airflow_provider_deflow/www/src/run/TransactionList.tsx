// SPDX-License-Identifier: Apache-2.0
// Transactions on a chain: what each was for, its hash to copy, and its page where the chain has an explorer.
import type { Transaction } from "../api/types";
import { shortAddress } from "../money/amounts";
import { CopyButton } from "../ui/CopyButton";
import styles from "./run.module.css";

export function TransactionList({ transactions }: { transactions: readonly Transaction[] }) {
  return (
    <ul className={styles.transactions} aria-label="Transactions">
      {transactions.map(({ what, hash, url }, index) => (
        <li key={`${hash} ${index}`}>
          <span>{what}</span>
          {url === null ? (
            <code title={hash}>{shortAddress(hash)}</code>
          ) : (
            <a href={url} target="_blank" rel="noreferrer" title={hash}>
              <code>{shortAddress(hash)}</code>
            </a>
          )}
          <CopyButton text={hash} what={`the hash of ${what}`} />
        </li>
      ))}
    </ul>
  );
}
