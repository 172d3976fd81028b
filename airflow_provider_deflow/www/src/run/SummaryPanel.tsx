// SPDX-License-Identifier: Apache-2.0
// The run as a whole, shown while nothing is selected: its result, what failed, and the runs before it.
import type { RunSummary, RunView } from "../api/types";
import { type GraphDocument, nodeTitle } from "../graph/document";
import { Section } from "../panels/Section";
import panels from "../panels/panels.module.css";
import { totalCost } from "./cost";
import { momentText } from "./elapsed";
import { LogView } from "./LogView";
import { progressText } from "./marks";
import { OutputList } from "./OutputList";
import styles from "./run.module.css";
import { StateBadge } from "./StateBadge";
import { isFinal, toneOf } from "./states";

interface Props {
  slug: string;
  run: RunView;
  runs: readonly RunSummary[];
  nowMs: number;
  onShowNode: (id: string) => void;
  onShowRun: (runId: string) => void;
}

export function SummaryPanel({ slug, run, runs, nowMs, onShowNode, onShowRun }: Props) {
  const failed = failedNodes(run.document, run.nodes);
  return (
    <>
      <header className={panels.head}>
        <h2>{isFinal(run.state) ? "How it ended" : "This run"}</h2>
        <p className="df-hint">{progressText(run.nodes)}. Select a box for its log and outputs.</p>
      </header>
      {failed.length > 0 && (
        <section className={styles.why} aria-label="What failed">
          <strong>{failed.length === 1 ? "One node failed" : `${failed.length} nodes failed`}</strong>
          <ul>
            {failed.map((node) => (
              <li key={node.id}>
                <button type="button" className={styles.link} onClick={() => onShowNode(node.id)}>
                  {nodeTitle(node)}
                </button>
                <span className={styles.firstLine}>{firstLine(run.nodes[node.id]?.message)}</span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Section title="Result" summary={String(run.results.files.length)}>
        <OutputList
          slug={slug}
          runId={run.run_id}
          files={run.results.files}
          empty={isFinal(run.state) ? "The run left no result." : "It comes when the last node has finished."}
        />
        {run.results.state === "failed" && (
          <>
            <p className="df-error">The nodes' outputs could not be gathered. The log says why.</p>
            <LogView slug={slug} runId={run.run_id} taskId="results" attempt={1} isRunning={false} />
          </>
        )}
      </Section>
      <Costs run={run} onShowNode={onShowNode} />
      <Section title="Runs" summary={String(runs.length)}>
        <ul className={styles.runs}>
          {runs.map((one) => (
            <li key={one.run_id}>
              <button
                type="button"
                aria-current={one.run_id === run.run_id ? "true" : undefined}
                onClick={() => onShowRun(one.run_id)}
              >
                <StateBadge state={one.run_id === run.run_id ? run.state : one.state} />
                <span>{momentText(one.started_at ?? one.run_after, nowMs)}</span>
                <span className="df-hint">
                  {one.revision === null ? "" : `revision ${one.revision}`} {one.triggered_by ?? ""}
                </span>
              </button>
            </li>
          ))}
        </ul>
      </Section>
    </>
  );
}

function Costs({ run, onShowNode }: Pick<Props, "run" | "onShowNode">) {
  const total = totalCost(run.nodes);
  if (total === "") return null;
  return (
    <Section title="Cost" summary={total}>
      <table className={styles.costs}>
        <tbody>
          {run.document.nodes
            .filter(({ id }) => run.nodes[id]?.cost)
            .map((node) => (
              <tr key={node.id}>
                <th scope="row">
                  <button type="button" className={styles.link} onClick={() => onShowNode(node.id)}>
                    {nodeTitle(node)}
                  </button>
                </th>
                <td>{run.nodes[node.id]?.cost}</td>
              </tr>
            ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">In all</th>
            <td>{total}</td>
          </tr>
        </tfoot>
      </table>
      <p className="df-hint">The transactions are at each box.</p>
    </Section>
  );
}

function failedNodes(document: GraphDocument, nodes: RunView["nodes"]) {
  return document.nodes.filter(
    ({ id }) => toneOf(nodes[id]?.state) === "failure" && nodes[id]?.state !== "upstream_failed",
  );
}

function firstLine(message: string | null | undefined): string {
  return (message ?? "").split("\n")[0] ?? "";
}
