// SPDX-License-Identifier: Apache-2.0
// The graphs as a table: what each is, whether it is published, how its last run went, when it runs next.
import type { GraphSummary } from "../api/types";
import { paths, useGo } from "../routes";
import { momentText } from "../run/elapsed";
import { StateBadge } from "../run/StateBadge";
import { Button } from "../ui/Button";
import styles from "./list.module.css";

interface Props {
  graphs: readonly GraphSummary[];
  nowMs: number;
  /** Whether the user may save new graphs. */
  mayCreate: boolean;
  onOpen: (slug: string) => void;
  onDuplicate: (graph: GraphSummary) => void;
  onDelete: (graph: GraphSummary) => void;
}

export function GraphTable({ graphs, nowMs, mayCreate, onOpen, onDuplicate, onDelete }: Props) {
  const go = useGo();
  return (
    <div className={styles.tableBox}>
      <table className={styles.table}>
        <thead>
          <tr>
            {["Graph", "State", "Owner", "Last run", "Next run", "Changed"].map((title) => (
              <th key={title} scope="col">
                {title}
              </th>
            ))}
            <th scope="col">
              <span className="df-visually-hidden">Actions</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {graphs.map((graph) => {
            const name = graph.name || graph.slug;
            const last = graph.last_run;
            return (
              <tr key={graph.slug}>
                <th scope="row">
                  <div className={styles.graph}>
                  <button type="button" className={styles.name} onClick={() => onOpen(graph.slug)}>
                    {name}
                  </button>
                  <span className="df-hint">{graph.description || graph.slug}</span>
                  {graph.tags.length > 0 && (
                    <span className={styles.tags}>
                      {graph.tags.map((tag) => (
                        <span key={tag}>{tag}</span>
                      ))}
                    </span>
                  )}
                  </div>
                </th>
                <td>{graph.is_published ? `published, revision ${graph.revision ?? ""}` : "draft"}</td>
                <td>{graph.owner || "–"}</td>
                <td>
                  {last ? (
                    <button
                      type="button"
                      className={styles.run}
                      aria-label={`Last run of ${name}`}
                      onClick={() => go(paths.run(graph.slug, last.run_id))}
                    >
                      <StateBadge state={last.state} />
                      <span className="df-hint">{momentText(last.started_at ?? last.run_after, nowMs)}</span>
                    </button>
                  ) : (
                    "–"
                  )}
                </td>
                <td>{momentText(graph.next_run_at, nowMs) || "–"}</td>
                <td>{momentText(graph.changed_at, nowMs)}</td>
                <td className={styles.actions}>
                  {mayCreate && (
                    <Button look="plain" aria-label={`Duplicate ${name}`} onClick={() => onDuplicate(graph)}>
                      Duplicate
                    </Button>
                  )}
                  <Button
                    look="plain"
                    aria-label={`Delete ${name}`}
                    disabled={!graph.may_edit}
                    title={graph.may_edit ? undefined : "Your Airflow user may not change this graph"}
                    onClick={() => onDelete(graph)}
                  >
                    Delete
                  </Button>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
