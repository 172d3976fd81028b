// SPDX-License-Identifier: Apache-2.0
// Code on a dark page. CodeMirror's own dark theme has colours too faint for WCAG AA; these have 4.5:1 and more.
import { HighlightStyle, syntaxHighlighting } from "@codemirror/language";
import { EditorView } from "@codemirror/view";
import { tags } from "@lezer/highlight";

const FOREGROUND = "#e8e8ec";
const FAINT = "#a8a8b3";

const surface = EditorView.theme(
  {
    "&": { color: FOREGROUND, backgroundColor: "#16181d" },
    ".cm-content": { caretColor: FOREGROUND },
    ".cm-cursor": { borderLeftColor: FOREGROUND },
    ".cm-gutters": { color: FAINT, backgroundColor: "#16181d", borderRight: "1px solid #34343a" },
    ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "#20232b" },
    "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
      backgroundColor: "#2b4a72",
    },
    ".cm-matchingBracket": { backgroundColor: "#3a4a5f" },
    ".cm-foldPlaceholder, .cm-tooltip": { color: FOREGROUND, backgroundColor: "#2a2d35", border: "none" },
    ".cm-panels": { color: FOREGROUND, backgroundColor: "#20232b" },
  },
  { dark: true },
);

const words = HighlightStyle.define([
  { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: "#d2a8ff" },
  { tag: [tags.string, tags.special(tags.string)], color: "#a5d6a7" },
  { tag: [tags.number, tags.bool, tags.null], color: "#f5b87a" },
  { tag: [tags.comment, tags.meta], color: FAINT, fontStyle: "italic" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.className], color: "#8cc8ff" },
  { tag: [tags.propertyName, tags.variableName, tags.definition(tags.variableName)], color: FOREGROUND },
  { tag: tags.invalid, color: "#ff9c9c" },
]);

export const darkCode = [surface, syntaxHighlighting(words)];
