// SPDX-License-Identifier: Apache-2.0
// What became of one node in a run: why it failed and what to do, its job, log and outputs, and running it again.
import type { ReactNode } from "react";
import type { NodeRun } from "../api/types";
import { type GraphNode, nodeTitle } from "../graph/document";
import { Section } from "../panels/Section";
import { shortId } from "../panels/environment";
import panels from "../panels/panels.module.css";
import { Button } from "../ui/Button";
import { elapsedNow, elapsedText } from "./elapsed";
import { explain } from "./explanation";
import { LogView } from "./LogView";
import { OutputList } from "./OutputList";
import { PART_NAMES, type PartOption, type RunPart } from "./part";
import styles from "./run.module.css";
import { StateBadge } from "./StateBadge";
import { stateText, toneOf } from "./states";
import { TransactionList } from "./TransactionList";

interface Props {
  slug: string;
  runId: string;
  node: GraphNode;
  ran: NodeRun | undefined;
  mayRun: boolean;
  readAtMs: number;
  nowMs: number;
  onRunPart: (part: RunPart) => void;
}

const OPTIONS: readonly PartOption[] = ["from", "only", "to"];

export function RunPanel({ slug, runId, node, ran, mayRun, readAtMs, nowMs, onRunPart }: Props) {
  const tone = toneOf(ran?.state);
  const isRunning = tone === "running" || tone === "waiting";
  const elapsed = elapsedText(elapsedNow(ran?.elapsed_seconds, tone === "running", readAtMs, nowMs));
  return (
    <>
      <header className={panels.head}>
        <h2>{nodeTitle(node)}</h2>
        <StateBadge state={ran?.state} />
      </header>
      {tone === "failure" && <Why message={ran?.message ?? null} hint={ran?.hint ?? null} state={ran?.state ?? null} />}
      <div className={panels.fields}>
        <dl className={panels.facts}>
          {elapsed && <Fact name="Elapsed">{elapsed}</Fact>}
          {(ran?.attempt ?? 0) > 0 && <Fact name="Attempt">{ran?.attempt}</Fact>}
          {ran?.outcome && <Fact name="Outcome">{ran.outcome}</Fact>}
          {ran?.cost && <Fact name="Cost">{ran.cost}</Fact>}
          {ran?.ocean_node && (
            <Fact name="Ocean Node">
              <a href={ran.ocean_node} target="_blank" rel="noreferrer">
                {ran.ocean_node}
              </a>
            </Fact>
          )}
          {ran?.job_id && (
            <Fact name="Job">
              {/* Its public record on the Ocean Node, in JSON. */}
              <a
                href={`${ran.ocean_node ?? ""}/api/services/compute?jobId=${encodeURIComponent(ran.job_id)}`}
                target="_blank"
                rel="noreferrer"
                title={ran.job_id}
              >
                <code>{shortId(ran.job_id)}</code>
              </a>
            </Fact>
          )}
          <Fact name="Airflow">
            <a href={taskPage(slug, runId, node.id)} target="_blank" rel="noreferrer">
              the task's own page
            </a>
          </Fact>
        </dl>
        <div className={panels.buttons}>
          {OPTIONS.map((option) => (
            <Button key={option} disabled={!mayRun} onClick={() => onRunPart({ option, nodeId: node.id })}>
              {PART_NAMES[option]}
            </Button>
          ))}
        </div>
        {!mayRun && <p className="df-hint">Your Airflow user may look at runs, not start them.</p>}
      </div>
      {ran && ran.transactions.length > 0 && (
        <Section title="Transactions" summary={String(ran.transactions.length)}>
          <TransactionList transactions={ran.transactions} />
        </Section>
      )}
      <Section title="Outputs" summary={String(ran?.outputs.length ?? 0)}>
        <OutputList
          slug={slug}
          runId={runId}
          files={ran?.outputs ?? []}
          empty={isRunning ? "They come when the job has succeeded." : "It left none."}
        />
      </Section>
      <Section title="Log">
        {(ran?.attempt ?? 0) > 0 ? (
          <LogView slug={slug} runId={runId} taskId={node.id} attempt={ran?.attempt ?? 1} isRunning={isRunning} />
        ) : (
          <p className="df-hint">It has not run yet.</p>
        )}
      </Section>
    </>
  );
}

function taskPage(slug: string, runId: string, taskId: string): string {
  const base = document.querySelector("head > base")?.getAttribute("href") ?? "/";
  const page = `dags/deflow_${slug}/runs/${encodeURIComponent(runId)}/tasks/${encodeURIComponent(taskId)}`;
  return new URL(page, new URL(base, location.origin)).pathname;
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Why something failed, in the words of what failed, and what to do about it. */
export function Why({ message, hint, state }: { message: string | null; hint: string | null; state: string | null }) {
  const { what, log, hint: todo } = explain(message ?? "", hint ?? "");
  return (
    <section className={styles.why} aria-label="Why it failed">
      <strong>{state === "upstream_failed" ? "It did not run" : "Why it failed"}</strong>
      <p className={styles.said}>{what || `This task ${stateText(state)}.`}</p>
      {log.length > 0 && <pre aria-label="Last lines of its log">{log.join("\n")}</pre>}
      {todo && (
        <>
          <strong>What to do</strong>
          <p className={styles.said}>{todo}</p>
        </>
      )}
    </section>
  );
}
