// SPDX-License-Identifier: Apache-2.0
// The editor around one open graph: canvas, palette, inspector, problems, and the dialogs over them.
import { getViewportForBounds, ReactFlowProvider, useReactFlow } from "@xyflow/react";
import { useCallback, useRef, useState } from "react";
import { api } from "../api/client";
import type { GraphView, Revision } from "../api/types";
import { type GraphDocument, NOTHING_SELECTED, type Position, type Problem } from "../graph/document";
import { addNode, addNote, connect, type Edited } from "../graph/edit";
import { type FlowEdge, type FlowNode, NODE_HEIGHT, NODE_WIDTH, placeOfProblem } from "../graph/flow";
import { boundsOf, freePlace } from "../graph/layout";
import { readDocument } from "../graph/reading";
import { QuoteDialog } from "../money/QuoteDialog";
import { KINDS, NOTE_KEY } from "../nodes/kinds";
import { Inspector } from "../panels/Inspector";
import { paths, useGo } from "../routes";
import { TriggerDialog } from "../run/TriggerDialog";
import { Canvas } from "./Canvas";
import { ConflictDialog } from "./ConflictDialog";
import { dropFile } from "./dropped";
import styles from "./editor.module.css";
import { HistoryDialog } from "./HistoryDialog";
import { KeyboardSheet } from "./KeyboardSheet";
import type { Command } from "./keys";
import { type Opened, open } from "./open";
import { Palette } from "./Palette";
import { ProblemList } from "./ProblemList";
import { PublishDialog } from "./PublishDialog";
import { SearchDialog } from "./SearchDialog";
import { Toolbar } from "./Toolbar";
import { type Places, run, useCommands } from "./useCommands";
import { useEditor, useProblems, useSaving } from "./useEditor";

type Open = "help" | "search" | "publish" | "history" | "quote" | "run" | null;

export function Workbench({ view }: { view: GraphView }) {
  const [opened] = useState(() => open(view));
  return (
    <ReactFlowProvider>
      <Bench {...opened} />
    </ReactFlowProvider>
  );
}

// A new box of a kind from the palette; with `from`, also the arrow to it.
function put(document: GraphDocument, kind: string, at: Position, from?: string): Edited {
  if (kind === NOTE_KEY) return addNote(document, at);
  const chosen = KINDS.find(({ key }) => key === kind) ?? KINDS[0];
  if (!chosen) return { ok: false, refusal: "There is no such box." };
  const added = addNode(document, freePlace(document, at), chosen.data, chosen.base);
  if (!added.ok || from === undefined) return added;
  const connected = connect(added.document, from, added.id);
  return connected.ok ? { ...connected, id: added.id } : added;
}

function Bench({ store, saving }: Opened) {
  const { document, selection, problems, isChecked, remark, canUndo, canRedo } = useEditor(store);
  const view = saving.view;
  const mayEdit = view.may_edit;
  const saved = useSaving(saving, document, mayEdit);
  useProblems(store, document);
  const flow = useReactFlow<FlowNode, FlowEdge>();
  const go = useGo();
  const [dialog, setDialog] = useState<Open>(null);
  const [published, setPublished] = useState<GraphDocument | null>(null);
  const [isPutOff, setPutOff] = useState(false);
  const close = useCallback(() => setDialog(null), []);
  const hasChanges = view.has_unpublished_changes || saved.is !== "saved";
  const surface = useRef<HTMLElement>(null);
  const surfaceOf = useCallback(() => surface.current?.getBoundingClientRect() ?? new DOMRect(0, 0, 800, 600), []);

  const middle = useCallback((): Position => {
    const { left, top, width, height } = surfaceOf();
    const { x, y } = flow.screenToFlowPosition({ x: left + width / 2, y: top + height / 2 });
    return { x: x - NODE_WIDTH / 2, y: y - NODE_HEIGHT / 2 };
  }, [flow, surfaceOf]);

  const onPut = useCallback(
    (kind: string, at: Position, from?: string) => {
      store.apply(put(store.document, kind, at, from), kind === NOTE_KEY ? "notes" : "nodes");
    },
    [store],
  );

  const showNode = useCallback(
    (nodeId: string) => {
      const node = store.document.nodes.find(({ id }) => id === nodeId);
      if (!node) return;
      const { x, y } = node.position;
      void flow.setCenter(x + NODE_WIDTH / 2, y + NODE_HEIGHT / 2, { zoom: Math.max(flow.getZoom(), 0.7), duration: 200 });
    },
    [store, flow],
  );

  const showProblem = useCallback(
    (problem: Problem) => {
      setDialog(null);
      const found = placeOfProblem(store.document, problem);
      store.select(found ? { ...NOTHING_SELECTED, [found.kind]: [found.id] } : NOTHING_SELECTED);
      const edge = found?.kind === "edges" ? store.document.edges.find(({ id }) => id === found.id) : undefined;
      if (found) showNode(edge?.target ?? found.id);
    },
    [store, showNode],
  );

  const onFiles = useCallback(
    async (files: readonly File[], at: Position, onNode: string | null) => {
      for (const [number, file] of files.entries()) {
        store.say(`Uploading ${file.name} …`);
        try {
          const edited = await dropFile(() => store.document, file, { x: at.x, y: at.y + number * 100 }, onNode);
          if (store.apply(edited, "nodes")) store.say(`${file.name} is there.`);
        } catch (error) {
          store.say(`${file.name} was not taken: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
    },
    [store],
  );

  const places: Places = {
    help: () => setDialog("help"),
    search: () => setDialog("search"),
    // Computed from the drawing: React Flow may not have been told yet of what was just moved.
    fit: () => {
      const { width, height } = surfaceOf();
      void flow.setViewport(getViewportForBounds(boundsOf(store.document), width, height, 0.05, 1, 0.15));
    },
    put: (kind) => onPut(kind, middle()),
    show: showNode,
  };
  useCommands(store, places, mayEdit);
  const command = (name: Command) => run(name, store, places, mayEdit);

  const publish = async (message: string) => {
    const { slug, version } = await saving.flush();
    const { revision } = await api.publish(slug, version, message);
    saving.movedOn(await api.readGraph(slug));
    store.say(`Published as revision ${revision}.`);
  };
  const restore = (revision: Revision) => {
    store.change({ ...revision.document }, { remark: `Revision ${revision.revision} is the draft again; undo goes back.` });
    close();
  };
  const showRuns = async () => {
    try {
      const [last] = (await api.listRuns(view.slug, 1)).runs;
      if (last) go(paths.run(view.slug, last.run_id));
      else store.say("It has not run yet.");
    } catch (error) {
      store.say(error instanceof Error ? error.message : String(error));
    }
  };
  const askToRun = async () => {
    if (view.revision === null) return;
    try {
      setPublished((await api.readRevision(view.slug, view.revision)).document);
      setDialog("run");
    } catch (error) {
      store.say(error instanceof Error ? error.message : String(error));
    }
  };

  return (
    <div className={styles.editor}>
      <Toolbar
        view={view}
        name={document.name ?? ""}
        saved={saved}
        hasChanges={hasChanges}
        canUndo={canUndo && mayEdit}
        canRedo={canRedo && mayEdit}
        onCommand={command}
        onConflict={() => setPutOff(false)}
        onHistory={() => setDialog("history")}
        onRuns={() => void showRuns()}
        onQuote={() => setDialog("quote")}
        onPublish={() => setDialog("publish")}
        onRun={() => void askToRun()}
      />
      <div className={styles.work}>
        {mayEdit && <Palette onAdd={(kind) => onPut(kind, middle())} />}
        <main ref={surface} className={styles.surface}>
          {document.nodes.length === 0 && (
            <div className={styles.empty}>
              <h2>Nothing is drawn yet</h2>
              <p>
                Drag a box from the left, or press <kbd>N</kbd>. Then drag from its right side to the next box.
              </p>
              <p>When it is drawn: Publish, then Run.</p>
            </div>
          )}
          <Canvas
            store={store}
            document={document}
            selection={selection}
            problems={problems}
            mayEdit={mayEdit}
            onPut={onPut}
            onFiles={(files, at, onNode) => void onFiles(files, at, onNode)}
          />
        </main>
        <aside className={styles.side} aria-label="Inspector">
          <Inspector
            document={document}
            selection={selection}
            problems={problems}
            mayEdit={mayEdit}
            onChange={(next, coalesce) => store.change(next, { coalesce })}
            onSelect={(chosen) => store.select(chosen)}
          />
        </aside>
      </div>
      <footer className={styles.foot}>
        <ProblemList problems={problems} onShow={showProblem} />
        <p className={styles.remark} role="status" aria-live="polite">
          {remark}
        </p>
      </footer>
      {dialog === "help" && <KeyboardSheet onClose={close} />}
      {dialog === "search" && (
        <SearchDialog
          document={document}
          onClose={close}
          onGo={(nodeId) => {
            close();
            store.select({ ...NOTHING_SELECTED, nodes: [nodeId] });
            showNode(nodeId);
          }}
        />
      )}
      {dialog === "publish" && (
        <PublishDialog
          // What was wrong with an older drawing does not stand in the way: the server looks at this one.
          problems={isChecked ? problems : []}
          nextRevision={(view.revision ?? 0) + 1}
          onPublish={publish}
          onShow={showProblem}
          onClose={close}
        />
      )}
      {dialog === "history" && (
        <HistoryDialog slug={view.slug} draft={document} mayEdit={mayEdit} onRestore={restore} onClose={close} />
      )}
      {dialog === "quote" && <QuoteDialog slug={view.slug} document={document} onClose={close} />}
      {dialog === "run" && published && (
        <TriggerDialog
          slug={view.slug}
          document={published}
          {...(hasChanges && { revision: view.revision })}
          onClose={close}
          onStarted={(runId) => go(paths.run(view.slug, runId))}
        />
      )}
      {saved.is === "conflict" && !isPutOff && (
        <ConflictDialog
          mine={document}
          theirs={saved.theirs}
          onKeepMine={() => saving.keepMine(saved.theirs)}
          onTakeTheirs={() => {
            if (!saved.theirs) return;
            const theirs = { ...saved.theirs, document: readDocument(saved.theirs.document, view.slug) };
            saving.taken(theirs);
            store.change(theirs.document, { remark: "Theirs is shown; undo goes back to yours." });
          }}
          onLater={() => setPutOff(true)}
        />
      )}
    </div>
  );
}
