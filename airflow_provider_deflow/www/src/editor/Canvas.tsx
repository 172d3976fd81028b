// SPDX-License-Identifier: Apache-2.0
// The drawing surface. The store has the drawing; React Flow has only what moves under the mouse until it is let go.
import {
  applyNodeChanges,
  Background,
  Controls,
  type EdgeChange,
  MiniMap,
  type NodeChange,
  type OnConnectEnd,
  ReactFlow,
  type ReactFlowInstance,
  useReactFlow,
} from "@xyflow/react";
import { type DragEvent, useCallback, useLayoutEffect, useMemo, useRef, useState } from "react";
import { FIT, KeepFit } from "../canvas/KeepFit";
import { edgeTypes, nodeTypes, SMALL } from "../canvas/parts";
import type { GraphDocument, Position, Problem, Selection } from "../graph/document";
import { connect, place, reconnect } from "../graph/edit";
import { countProblems, type Flow, type FlowEdge, type FlowNode, noteIdOf, syncFlow } from "../graph/flow";
import { DRAGGED } from "../nodes/kinds";
import { useColorMode } from "../ui/colorMode";
import type { EditorStore } from "./store";

interface Props {
  store: EditorStore;
  document: GraphDocument;
  selection: Selection;
  problems: readonly Problem[];
  mayEdit: boolean;
  onPut: (kind: string, at: Position, connectFrom?: string) => void;
  onFiles: (files: readonly File[], at: Position, onNode: string | null) => void;
}

export type Instance = ReactFlowInstance<FlowNode, FlowEdge>;

const EMPTY: Flow = { nodes: [], edges: [] };
const MANY_KEYS = ["Shift", "Control", "Meta"];

export function Canvas({ store, document, selection, problems, mayEdit, onPut, onFiles }: Props) {
  const mode = useColorMode();
  const { screenToFlowPosition } = useReactFlow<FlowNode, FlowEdge>();
  const isMoved = useRef(document.nodes.length === 0);
  const [isDrawn] = useState(document.nodes.length > 0);
  const counts = useMemo(() => countProblems(document, problems), [document, problems]);
  const [flow, setFlow] = useState(() => syncFlow(EMPTY, document, selection, counts));
  useLayoutEffect(() => {
    setFlow((previous) => syncFlow(previous, document, selection, counts));
  }, [document, selection, counts]);

  const onNodesChange = useCallback(
    (changes: NodeChange<FlowNode>[]) => {
      chooseNodes(store, changes);
      const moves = changes.filter((change) => change.type === "position");
      if (moves.length === 0) return;
      setFlow((previous) => ({ ...previous, nodes: applyNodeChanges(moves, previous.nodes) }));
      const settled = moves.filter(({ dragging, position }) => !dragging && position);
      if (settled.length === 0) return;
      const nodes = new Map<string, Position>();
      const notes = new Map<string, Position>();
      for (const { id, position } of settled) {
        const note = noteIdOf(id);
        const at = { x: Math.round(position?.x ?? 0), y: Math.round(position?.y ?? 0) };
        if (note === null) nodes.set(id, at);
        else notes.set(note, at);
      }
      store.change(place(store.document, nodes, notes));
    },
    [store],
  );

  const onEdgesChange = useCallback((changes: EdgeChange<FlowEdge>[]) => chooseEdges(store, changes), [store]);

  // An arrow let go over nothing becomes a new box at its end.
  const onConnectEnd: OnConnectEnd = useCallback(
    (event, { fromNode, fromHandle, toNode }) => {
      if (toNode || !fromNode || fromHandle?.type !== "source") return;
      const at = "changedTouches" in event ? event.changedTouches[0] : event;
      if (!at || !(event.target instanceof Element) || !event.target.closest(".react-flow__pane")) return;
      onPut("code", screenToFlowPosition({ x: at.clientX, y: at.clientY }), fromNode.id);
    },
    [onPut, screenToFlowPosition],
  );

  const onDrop = useCallback(
    (event: DragEvent) => {
      event.preventDefault();
      if (!mayEdit) return;
      const at = screenToFlowPosition({ x: event.clientX, y: event.clientY });
      const kind = event.dataTransfer.getData(DRAGGED);
      const files = [...event.dataTransfer.files];
      const below = event.target instanceof Element ? event.target.closest(".react-flow__node") : null;
      const onNode = below?.getAttribute("data-id") ?? null;
      if (kind) onPut(kind, { x: at.x - 110, y: at.y - 38 });
      else if (files.length > 0) onFiles(files, at, onNode !== null && noteIdOf(onNode) === null ? onNode : null);
    },
    [mayEdit, onPut, onFiles, screenToFlowPosition],
  );

  return (
    <ReactFlow<FlowNode, FlowEdge>
      aria-label="Canvas"
      colorMode={mode}
      nodes={flow.nodes}
      edges={flow.edges}
      nodeTypes={nodeTypes}
      edgeTypes={edgeTypes}
      onNodesChange={onNodesChange}
      onEdgesChange={onEdgesChange}
      onConnect={({ source, target }) => store.apply(connect(store.document, source, target), "edges")}
      onReconnect={(old, { source, target }) => store.apply(reconnect(store.document, old.id, source, target), "edges")}
      onConnectEnd={onConnectEnd}
      onDrop={onDrop}
      onDragOver={(event) => {
        event.preventDefault();
        event.dataTransfer.dropEffect = mayEdit ? "copy" : "none";
      }}
      nodesDraggable={mayEdit}
      nodesConnectable={mayEdit}
      edgesReconnectable={mayEdit}
      connectionRadius={30}
      multiSelectionKeyCode={MANY_KEYS}
      deleteKeyCode={null}
      // The editor's own table of keys has these.
      disableKeyboardA11y
      onlyRenderVisibleElements
      elevateNodesOnSelect={false}
      minZoom={0.05}
      maxZoom={2}
      // On an empty canvas it would wait for the first box, and move it from where it was put.
      fitView={isDrawn}
      fitViewOptions={FIT}
      // A move without an event is the page's own.
      onMoveStart={(event) => {
        if (event) isMoved.current = true;
      }}
      proOptions={{ hideAttribution: true }}
    >
      <Background />
      <Controls showInteractive={false} />
      <KeepFit isMoved={isMoved} />
      {document.nodes.length > SMALL && <MiniMap pannable zoomable ariaLabel="Overview" nodeColor={overviewColor} />}
    </ReactFlow>
  );
}

function overviewColor(node: FlowNode): string {
  if (node.type === "note") return "var(--df-note)";
  return node.data.problems > 0 ? "var(--df-danger)" : "var(--df-border-strong)";
}

function chooseNodes(store: EditorStore, changes: readonly NodeChange<FlowNode>[]): void {
  const chosen = changes.filter((change) => change.type === "select");
  if (chosen.length === 0) return;
  const nodes = new Set(store.selection.nodes);
  const notes = new Set(store.selection.notes);
  for (const { id, selected } of chosen) {
    const note = noteIdOf(id);
    const kind = note === null ? nodes : notes;
    if (selected) kind.add(note ?? id);
    else kind.delete(note ?? id);
  }
  store.select({ ...store.selection, nodes: [...nodes], notes: [...notes] });
}

function chooseEdges(store: EditorStore, changes: readonly EdgeChange<FlowEdge>[]): void {
  const chosen = changes.filter((change) => change.type === "select");
  if (chosen.length === 0) return;
  const edges = new Set(store.selection.edges);
  for (const { id, selected } of chosen) {
    if (selected) edges.add(id);
    else edges.delete(id);
  }
  store.select({ ...store.selection, edges: [...edges] });
}
