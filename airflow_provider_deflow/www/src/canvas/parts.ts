// SPDX-License-Identifier: Apache-2.0
// The kinds of boxes and arrows. A new kind of node is one more file in src/nodes and one more line here.
import { Arrow } from "./Arrow";
import { ComputeBox } from "../nodes/ComputeBox";
import { NoteBox } from "../nodes/NoteBox";

// Of so few boxes all are in sight, and a map would hide some.
export const SMALL = 12;
export const nodeTypes = { compute: ComputeBox, note: NoteBox };
export const edgeTypes = { arrow: Arrow };
