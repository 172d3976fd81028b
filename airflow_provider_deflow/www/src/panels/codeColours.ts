// SPDX-License-Identifier: Apache-2.0
// Code on a light and on a dark page. Some of CodeMirror's own colours are too faint for WCAG AA; these have 4.5:1
// and more, on the line that the cursor is in too.
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

interface Colours {
  keyword: string;
  text: string;
  number: string;
  comment: string;
  name: string;
  wrong: string;
}

function words({ keyword, text, number, comment, name, wrong }: Colours) {
  return syntaxHighlighting(
    HighlightStyle.define([
      { tag: [tags.keyword, tags.operatorKeyword, tags.modifier], color: keyword },
      { tag: [tags.string, tags.special(tags.string), tags.regexp, tags.escape], color: text },
      { tag: [tags.number, tags.bool, tags.null], color: number },
      { tag: [tags.comment, tags.meta], color: comment, fontStyle: "italic" },
      { tag: [tags.function(tags.variableName), tags.function(tags.propertyName), tags.className], color: name },
      { tag: tags.invalid, color: wrong },
    ]),
  );
}

export const lightCode = words({
  keyword: "#6f2da8",
  text: "#0b6b3a",
  number: "#8a4500",
  comment: "#5a5f66",
  name: "#0a4f9e",
  wrong: "#b00020",
});

export const darkCode = [
  surface,
  words({
    keyword: "#d2a8ff",
    text: "#a5d6a7",
    number: "#f5b87a",
    comment: FAINT,
    name: "#8cc8ff",
    wrong: "#ff9c9c",
  }),
];
