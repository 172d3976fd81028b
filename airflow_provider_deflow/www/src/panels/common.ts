// SPDX-License-Identifier: Apache-2.0
// What every form of the inspector is given.
import type { GraphDocument, Problem, Selection } from "../graph/document";

export interface PanelProps {
  document: GraphDocument;
  problems: readonly Problem[];
  mayEdit: boolean;
  onChange: (next: GraphDocument, coalesce?: string) => void;
  onSelect: (selection: Selection) => void;
}
