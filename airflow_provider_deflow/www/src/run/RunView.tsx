// SPDX-License-Identifier: Apache-2.0
// One run on the graph as it was then: states, logs, outputs, why it failed, and running parts of it again.
import { useMemo, useState } from "react";
import { api } from "../api/client";
import { GraphView } from "../canvas/GraphView";
import { NOTHING_SELECTED, type Selection } from "../graph/document";
import { useLoaded } from "../panels/useLoaded";
import { paths, useGo } from "../routes";
import { Button } from "../ui/Button";
import { Failure, Loading } from "../ui/Message";
import { elapsedText } from "./elapsed";
import { HandoverPanel } from "./HandoverPanel";
import { edgeMarks, nodeMarks } from "./marks";
import type { RunPart } from "./part";
import { RunPanel } from "./RunPanel";
import styles from "./run.module.css";
import { StateBadge } from "./StateBadge";
import { SummaryPanel } from "./SummaryPanel";
import { isFinal } from "./states";
import { StopDialog } from "./StopDialog";
import { TriggerDialog } from "./TriggerDialog";
import { useNow, useRun } from "./useRun";

export interface RunViewProps {
  slug: string;
  runId: string;
}

type Asked = { dialog: "none" } | { dialog: "stop" } | { dialog: "run"; part?: RunPart };

export function RunView({ slug, runId }: RunViewProps) {
  const go = useGo();
  const { run, readAtMs, error, refresh } = useRun(slug, runId);
  const isOver = isFinal(run?.state);
  const now = useNow(run !== null && !isOver);
  const graph = useLoaded(slug, () => api.readGraph(slug));
  const past = useLoaded(`${slug} ${runId} ${run?.state ?? ""}`, () => api.listRuns(slug, 25));
  const revision = graph.value?.revision ?? null;
  const published = useLoaded(revision === null ? null : `${slug} ${revision}`, () => api.readRevision(slug, revision ?? 0));
  const [selection, setSelection] = useState<Selection>(NOTHING_SELECTED);
  const [asked, setAsked] = useState<Asked>({ dialog: "none" });
  const drawn = useSteady(run?.document ?? null);
  const boxes = useMemo(() => (run && drawn ? nodeMarks(drawn, run.nodes, readAtMs, now) : {}), [run, drawn, readAtMs, now]);
  const arrows = useMemo(() => (run && drawn ? edgeMarks(drawn, run.edges, readAtMs, now) : {}), [run, drawn, readAtMs, now]);

  if (run === null || drawn === null) return error ? <Failure error={error} onRetry={refresh} /> : <Loading what="the run" />;
  const node = drawn.nodes.find(({ id }) => id === selection.nodes[0]);
  const edge = drawn.edges.find(({ id }) => id === selection.edges[0]);
  const mayRun = graph.value?.may_run ?? false;
  const close = () => setAsked({ dialog: "none" });
  return (
    <div className={styles.page}>
      <header className={styles.bar}>
        <nav aria-label="Where you are">
          <button type="button" className={styles.link} onClick={() => go(paths.list())}>
            Graphs
          </button>{" "}
          /{" "}
          <button type="button" className={styles.link} onClick={() => go(paths.graph(slug))}>
            {drawn.name || slug}
          </button>{" "}
          /
        </nav>
        <h1 title={runId}>Run {startText(run.started_at) || runId}</h1>
        <span aria-live="polite">
          <StateBadge state={run.state} />
        </span>
        <span className="df-hint">
          {[runElapsed(run.started_at, run.ended_at, now), run.revision === null ? "" : `revision ${run.revision}`]
            .filter(Boolean)
            .join(" · ")}
        </span>
        <span className={styles.steps}>
          {!isOver && mayRun && (
            <Button look="danger" onClick={() => setAsked({ dialog: "stop" })}>
              Stop
            </Button>
          )}
          <Button onClick={() => go(paths.graph(slug))}>Edit the graph</Button>
          {mayRun && published.value && (
            <Button look="primary" onClick={() => setAsked({ dialog: "run" })}>
              Run again
            </Button>
          )}
        </span>
      </header>
      {error !== null && (
        <p className={styles.stale} role="status">
          Not up to date: {error instanceof Error ? error.message : String(error)} It is asked again by itself.
        </p>
      )}
      <div className={styles.body}>
        <div className={styles.canvas}>
          <GraphView
            document={drawn}
            nodeMarks={boxes}
            edgeMarks={arrows}
            selection={selection}
            onSelect={setSelection}
            label={`The run of ${drawn.name || slug}`}
          />
        </div>
        <aside className={styles.side} aria-label="Details">
          {node ? (
            <RunPanel
              key={node.id}
              slug={slug}
              runId={runId}
              node={node}
              ran={run.nodes[node.id]}
              mayRun={mayRun && published.value !== null}
              readAtMs={readAtMs}
              nowMs={now}
              onRunPart={(part) => setAsked({ dialog: "run", part })}
            />
          ) : edge ? (
            <HandoverPanel key={edge.id} slug={slug} runId={runId} edge={edge} ran={run.edges[`${edge.source}__${edge.target}`]} />
          ) : (
            <SummaryPanel
              slug={slug}
              run={run}
              runs={past.value?.runs ?? []}
              nowMs={now}
              onShowNode={(id) => setSelection({ ...NOTHING_SELECTED, nodes: [id] })}
              onShowRun={(id) => go(paths.run(slug, id))}
            />
          )}
        </aside>
      </div>
      {asked.dialog === "run" && published.value && (
        <TriggerDialog
          slug={slug}
          document={published.value.document}
          {...(asked.part && { part: asked.part })}
          onClose={close}
          onStarted={(id) => {
            close();
            go(paths.run(slug, id));
          }}
        />
      )}
      {asked.dialog === "stop" && (
        <StopDialog
          slug={slug}
          runId={runId}
          onClose={close}
          onStopped={() => {
            close();
            refresh();
          }}
        />
      )}
    </div>
  );
}

// The drawing of a run never changes, but every reply brings a copy of it: the first is kept, so that the canvas is
// not built anew.
function useSteady<T>(value: T | null): T | null {
  const [kept, setKept] = useState(value);
  if (kept === null && value !== null) setKept(value);
  return kept ?? value;
}

function startText(iso: string | null): string {
  return iso === null ? "" : new Date(iso).toLocaleString();
}

function runElapsed(startedAt: string | null, endedAt: string | null, nowMs: number): string {
  if (startedAt === null) return "";
  return elapsedText(((endedAt === null ? nowMs : Date.parse(endedAt)) - Date.parse(startedAt)) / 1000);
}
