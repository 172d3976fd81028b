// SPDX-License-Identifier: Apache-2.0
// A graph to look at: of a run, of a revision, of a difference. Boxes and arrows carry marks; nothing moves.
import { Background, Controls, type EdgeChange, MiniMap, type NodeChange, ReactFlow, ReactFlowProvider } from "@xyflow/react";
import { useCallback, useMemo, useRef, useState } from "react";
import { type GraphDocument, NOTHING_SELECTED, type Selection } from "../graph/document";
import { type EdgeMark, type FlowEdge, type FlowNode, type NodeMark, toFlow } from "../graph/flow";
import { useColorMode } from "../ui/colorMode";
import { edgeTypes, nodeTypes } from "./parts";

export interface GraphViewProps {
  document: GraphDocument;
  // By node id.
  nodeMarks?: Readonly<Record<string, NodeMark>>;
  // By edge id.
  edgeMarks?: Readonly<Record<string, EdgeMark>>;
  onSelect?: (selection: Selection) => void;
  label: string;
}

const NONE = {};

export function GraphView({ document, nodeMarks = NONE, edgeMarks = NONE, onSelect, label }: GraphViewProps) {
  const mode = useColorMode();
  const [selection, setSelection] = useState<Selection>(NOTHING_SELECTED);
  const current = useRef(selection);
  const flow = useMemo(() => toFlow(document, nodeMarks, edgeMarks), [document, nodeMarks, edgeMarks]);
  const { nodes, edges } = useMemo(
    () => ({
      nodes: flow.nodes.map((node) => (selection.nodes.includes(node.id) ? { ...node, selected: true } : node)),
      edges: flow.edges.map((edge) => (selection.edges.includes(edge.id) ? { ...edge, selected: true } : edge)),
    }),
    [flow, selection],
  );
  // One thing at a time: what is clicked, or what the keyboard chose with Enter.
  const select = useCallback(
    (kind: "nodes" | "edges", changes: readonly (NodeChange<FlowNode> | EdgeChange<FlowEdge>)[]) => {
      const chosen = changes.filter((change) => change.type === "select");
      if (chosen.length === 0) return;
      const on = chosen.find((change) => change.selected);
      const isLeft = chosen.some(({ id }) => current.current[kind].includes(id));
      if (!on && !isLeft) return;
      current.current = on ? { ...NOTHING_SELECTED, [kind]: [on.id] } : NOTHING_SELECTED;
      setSelection(current.current);
      onSelect?.(current.current);
    },
    [onSelect],
  );
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
        onNodesChange={(changes) => select("nodes", changes)}
        onEdgesChange={(changes) => select("edges", changes)}
        nodesDraggable={false}
        nodesConnectable={false}
        deleteKeyCode={null}
        elementsSelectable={onSelect !== undefined}
        onlyRenderVisibleElements
        minZoom={0.05}
        fitView
        proOptions={{ hideAttribution: true }}
      >
        <Background />
        <Controls showInteractive={false} />
        <MiniMap pannable zoomable />
      </ReactFlow>
    </ReactFlowProvider>
  );
}
