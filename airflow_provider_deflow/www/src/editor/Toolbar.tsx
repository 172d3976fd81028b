// SPDX-License-Identifier: Apache-2.0
// The line above the canvas: where one is, whether all is saved, and what can be done with the whole graph.
import type { GraphView } from "../api/types";
import { paths, useGo } from "../routes";
import { Button } from "../ui/Button";
import { Icon } from "../ui/Icon";
import type { Command } from "./keys";
import type { SaveState } from "./saving";
import styles from "./editor.module.css";

interface Props {
  view: GraphView;
  name: string;
  saved: SaveState;
  // Since the newest revision.
  hasChanges: boolean;
  canUndo: boolean;
  canRedo: boolean;
  onCommand: (command: Command) => void;
  onConflict: () => void;
  onHistory: () => void;
  onRuns: () => void;
  onQuote: () => void;
  onPublish: () => void;
  onRun: () => void;
}

function words(saved: SaveState): string {
  switch (saved.is) {
    case "saved":
      return "Saved";
    case "unsaved":
      return "Not saved yet";
    case "saving":
      return "Saving …";
    case "failed":
      return `Not saved: ${saved.why} Your changes are kept in this browser.`;
    case "conflict":
      return "Conflict: decide which drawing stays";
  }
}

export function Toolbar(props: Props) {
  const { view, name, saved, hasChanges, canUndo, canRedo, onCommand, onConflict, onHistory, onRuns, onQuote, onPublish, onRun } = props;
  const go = useGo();
  return (
    <header className={styles.toolbar}>
      <Button look="plain" onClick={() => go(paths.list())}>
        ← Graphs
      </Button>
      <h1 title={view.slug}>{name || view.slug}</h1>
      <span className="df-hint">
        {view.revision === null ? "not published" : `revision ${view.revision}${hasChanges ? ", changed since" : ""}`}
      </span>
      {view.may_edit ? (
        <span className={styles.saved} data-state={saved.is} role="status" title={words(saved)}>
          {saved.is === "conflict" ? <Button look="danger" onClick={onConflict}>{words(saved)}</Button> : words(saved)}
        </span>
      ) : (
        <span className={styles.saved} data-state="readonly">
          You may look, but not change
        </span>
      )}
      <div className={styles.tools} role="toolbar" aria-label="Drawing">
        <Button look="plain" title="Undo (Ctrl + Z)" aria-label="Undo" disabled={!canUndo} onClick={() => onCommand("undo")}>
          <Icon name="undo" />
        </Button>
        <Button look="plain" title="Redo (Ctrl + Y)" aria-label="Redo" disabled={!canRedo} onClick={() => onCommand("redo")}>
          <Icon name="redo" />
        </Button>
        <Button look="plain" title="Lay out (L)" aria-label="Lay out" disabled={!view.may_edit} onClick={() => onCommand("arrange")}>
          <Icon name="arrange" />
        </Button>
        <Button look="plain" title="Find a box (/)" aria-label="Find a box" onClick={() => onCommand("search")}>
          <Icon name="search" />
        </Button>
        <Button look="plain" title="Keys (?)" aria-label="Keys" onClick={() => onCommand("help")}>
          <Icon name="keys" />
        </Button>
      </div>
      <div className={styles.steps}>
        <Button onClick={onHistory}>History</Button>
        {view.may_run && (
          <Button title="What a run would cost" onClick={onQuote}>
            Quote
          </Button>
        )}
        {view.revision !== null && (
          <Button title="The last run, and all before it" onClick={onRuns}>
            Runs
          </Button>
        )}
        {/* The next step is the one that stands out. */}
        <Button look={view.revision === null ? "primary" : "normal"} disabled={!view.may_edit} onClick={onPublish}>
          Publish
        </Button>
        <Button
          look={view.revision === null ? "normal" : "primary"}
          disabled={!view.may_run || view.revision === null}
          title={view.revision === null ? "Publish first: runs compute what is published" : "Run what is published"}
          onClick={onRun}
        >
          Run
        </Button>
      </div>
    </header>
  );
}
