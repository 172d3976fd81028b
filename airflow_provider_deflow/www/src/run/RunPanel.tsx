// SPDX-License-Identifier: Apache-2.0
// What became of one node in a run: why it failed and what to do, its job, log and outputs, and running it again.
import type { NodeRun } from "../api/types";
import { type GraphNode, nodeTitle } from "../graph/document";
import { Section } from "../panels/Section";
import panels from "../panels/panels.module.css";
import { Button } from "../ui/Button";
import { elapsedNow, elapsedText } from "./elapsed";
import { LogView } from "./LogView";
import { OutputList } from "./OutputList";
import { PART_NAMES, type PartOption, type RunPart } from "./part";
import styles from "./run.module.css";
import { StateBadge } from "./StateBadge";
import { stateText, toneOf } from "./states";

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
              <code>{ran.job_id}</code>
            </Fact>
          )}
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

function Fact({ name, children }: { name: string; children: React.ReactNode }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </>
  );
}

/** Why something failed, in the words of what failed, and what to do about it. */
export function Why({ message, hint, state }: { message: string | null; hint: string | null; state: string | null }) {
  return (
    <section className={styles.why} aria-label="Why it failed">
      <strong>{state === "upstream_failed" ? "It did not run" : "Why it failed"}</strong>
      <pre>{message || stateText(state)}</pre>
      {hint && (
        <>
          <strong>What to do</strong>
          <p>{hint}</p>
        </>
      )}
    </section>
  );
}
