// SPDX-License-Identifier: Apache-2.0
// A publication on its way: how far it is, its transactions, and at last the asset's DID.
import type { Publication, StartedPublication } from "../api/types";
import { TransactionList } from "../run/TransactionList";
import { StateBadge } from "../run/StateBadge";
import { Why } from "../run/RunPanel";
import { CopyButton } from "../ui/CopyButton";
import styles from "./assets.module.css";

interface Props {
  started: StartedPublication;
  publication: Publication | null;
  /** Of the last request. */
  error: unknown;
}

export function PublicationView({ started, publication, error }: Props) {
  const state = publication?.state ?? "queued";
  return (
    <>
      <p aria-live="polite">
        <StateBadge state={state} /> {words(state)}
      </p>
      {publication?.did && (
        <div className={styles.done}>
          <span>The asset is</span> <code>{publication.did}</code> <CopyButton text={publication.did} what="the DID" />
        </div>
      )}
      {state === "failed" && publication && <Why message={publication.message} hint={publication.hint} state={state} />}
      {state !== "failed" && publication?.message && <p className="df-hint">The last try failed: {publication.message}</p>}
      {publication && publication.transactions.length > 0 && <TransactionList transactions={publication.transactions} />}
      {error !== null && (
        <p className="df-hint" role="status">
          Not up to date: {error instanceof Error ? error.message : String(error)} It is asked again by itself.
        </p>
      )}
      <p className="df-hint">
        It is <a className={styles.link} href={runPage(started)}>a run of Airflow</a>, and goes on when this is closed.
      </p>
    </>
  );
}

function words(state: string): string {
  switch (state) {
    case "success":
      return "Published: the Ocean Node has indexed it.";
    case "failed":
      return "It was not published.";
    case "running":
      return "The wallet sends its transactions, then the Ocean Node indexes the asset.";
    default:
      return "It waits for Airflow to begin.";
  }
}

function runPage({ dag_id: dagId, run_id: runId }: StartedPublication): string {
  const base = document.querySelector("head > base")?.getAttribute("href") ?? "/";
  return new URL(`dags/${dagId}/runs/${encodeURIComponent(runId)}`, new URL(base, location.origin)).pathname;
}
