// SPDX-License-Identifier: Apache-2.0
// A graph to look at: of a run, of a revision, of a difference. Boxes and arrows carry marks; nothing moves.
import {
  Background,
  Controls,
  type EdgeSelectionChange,
  MiniMap,
  type NodeSelectionChange,
  ReactFlow,
  ReactFlowProvider,
} from "@xyflow/react";
import { useMemo, useRef } from "react";
import { type GraphDocument, NOTHING_SELECTED, type Selection } from "../graph/document";
import { type EdgeMark, type NodeMark, toFlow } from "../graph/flow";
import { useColorMode } from "../ui/colorMode";
import { FIT, KeepFit } from "./KeepFit";
import { edgeTypes, nodeTypes, SMALL } from "./parts";

export interface GraphViewProps {
  document: GraphDocument;
  // By node id.
  nodeMarks?: Readonly<Record<string, NodeMark>>;
  // By edge id.
  edgeMarks?: Readonly<Record<string, EdgeMark>>;
  // What is shown as selected; the owner keeps it, as marks change under it.
  selection?: Selection;
  onSelect?: (selection: Selection) => void;
  label: string;
}

const NONE = {};

export function GraphView({
  document,
  nodeMarks = NONE,
  edgeMarks = NONE,
  selection = NOTHING_SELECTED,
  onSelect,
  label,
}: GraphViewProps) {
  const mode = useColorMode();
  const isMoved = useRef(false);
  const drawn = useMemo(() => toFlow(document, nodeMarks, edgeMarks), [document, nodeMarks, edgeMarks]);
  const nodes = useMemo(
    () => drawn.nodes.map((node) => (selection.nodes.includes(node.id) ? { ...node, selected: true } : node)),
    [drawn, selection],
  );
  const edges = useMemo(
    () => drawn.edges.map((edge) => (selection.edges.includes(edge.id) ? { ...edge, selected: true } : edge)),
    [drawn, selection],
  );
  // By mouse and by keyboard: React Flow tells both as changes. One thing at a time is selected, for one panel.
  const choose = (kind: "nodes" | "edges", changes: readonly (NodeSelectionChange | EdgeSelectionChange)[]) => {
    const chosen = changes.find((change) => change.selected);
    if (chosen) onSelect?.({ ...NOTHING_SELECTED, [kind]: [chosen.id] });
  };
  return (
    <ReactFlowProvider>
      <ReactFlow
        key={document.slug}
        aria-label={label}
        colorMode={mode}
        nodes={nodes}
        edges={edges}
        nodeTypes={nodeTypes}
        edgeTypes={edgeTypes}
        onNodesChange={(changes) => choose("nodes", changes.filter((change) => change.type === "select"))}
        onEdgesChange={(changes) => choose("edges", changes.filter((change) => change.type === "select"))}
        onPaneClick={() => onSelect?.(NOTHING_SELECTED)}
        nodesDraggable={false}
        nodesConnectable={false}
        deleteKeyCode={null}
        elementsSelectable={onSelect !== undefined}
        onlyRenderVisibleElements
        minZoom={0.05}
        fitView
        fitViewOptions={FIT}
        // A move without an event is the page's own.
        onMoveStart={(event) => {
          if (event) isMoved.current = true;
        }}
        proOptions={{ hideAttribution: true }}
      >
        <Background />
        <KeepFit isMoved={isMoved} />
        <Controls showInteractive={false} />
        {document.nodes.length > SMALL && <MiniMap pannable zoomable />}
      </ReactFlow>
    </ReactFlowProvider>
  );
}
