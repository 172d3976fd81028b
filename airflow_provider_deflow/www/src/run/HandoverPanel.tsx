// SPDX-License-Identifier: Apache-2.0
// What became of one edge in a run: how its files went, and its log.
import type { EdgeRun } from "../api/types";
import { edgeTaskId, type GraphEdge } from "../graph/document";
import { Section } from "../panels/Section";
import { handoverText } from "../panels/handover";
import panels from "../panels/panels.module.css";
import { elapsedText } from "./elapsed";
import { LogView } from "./LogView";
import { sizeText } from "./preview";
import { Why } from "./RunPanel";
import { StateBadge } from "./StateBadge";
import { toneOf } from "./states";

interface Props {
  slug: string;
  runId: string;
  edge: GraphEdge;
  ran: EdgeRun | undefined;
}

export function HandoverPanel({ slug, runId, edge, ran }: Props) {
  const tone = toneOf(ran?.state);
  const files = ran?.files ?? null;
  return (
    <>
      <header className={panels.head}>
        <h2>
          {edge.source} → {edge.target}
        </h2>
        <StateBadge state={ran?.state} />
      </header>
      {tone === "failure" && <Why message={ran?.message ?? null} hint={null} state={ran?.state ?? null} />}
      <div className={panels.fields}>
        <p className="df-hint">{handoverText(edge.data?.handover ?? "auto", edge.source, edge.target)}</p>
        <dl className={panels.facts}>
          {files !== null && (
            <>
              <dt>Handed over</dt>
              <dd>
                {files} {files === 1 ? "file" : "files"}
                {ran?.size !== null && ran?.size !== undefined && `, ${sizeText(ran.size)}`}
                {ran?.mode && `, by ${ran.mode}`}
              </dd>
            </>
          )}
          {ran?.elapsed_seconds !== null && ran?.elapsed_seconds !== undefined && (
            <>
              <dt>Elapsed</dt>
              <dd>{elapsedText(ran.elapsed_seconds)}</dd>
            </>
          )}
        </dl>
      </div>
      <Section title="Log">
        {tone === "neutral" ? (
          <p className="df-hint">It has not run yet.</p>
        ) : (
          <LogView
            slug={slug}
            runId={runId}
            taskId={edgeTaskId(edge)}
            attempt={ran?.attempt ?? 1}
            isRunning={tone === "running" || tone === "waiting"}
          />
        )}
      </Section>
    </>
  );
}
