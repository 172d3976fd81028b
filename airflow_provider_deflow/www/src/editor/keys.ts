// SPDX-License-Identifier: Apache-2.0
// Which key does what, for the canvas and for the sheet behind `?`. One table, so that the two cannot differ.

export type Command =
  | "help"
  | "new"
  | "note"
  | "connect"
  | "delete"
  | "undo"
  | "redo"
  | "copy"
  | "cut"
  | "paste"
  | "duplicate"
  | "all"
  | "clear"
  | "search"
  | "arrange"
  | "fit"
  | "next"
  | "previous"
  | "up"
  | "down"
  | "left"
  | "right";

export interface Binding {
  readonly command: Command;
  // As pressed; `mod` is Ctrl, on a Mac ⌘.
  readonly keys: readonly string[];
  readonly words: string;
}

export const BINDINGS: readonly Binding[] = [
  { command: "help", keys: ["?"], words: "Show these keys" },
  { command: "new", keys: ["n"], words: "New box" },
  { command: "note", keys: ["shift+n"], words: "New note" },
  { command: "connect", keys: ["e"], words: "Connect the selected boxes, left to right" },
  { command: "delete", keys: ["delete", "backspace"], words: "Remove what is selected" },
  { command: "undo", keys: ["mod+z"], words: "Undo" },
  { command: "redo", keys: ["mod+y", "mod+shift+z"], words: "Redo" },
  { command: "copy", keys: ["mod+c"], words: "Copy" },
  { command: "cut", keys: ["mod+x"], words: "Cut" },
  { command: "paste", keys: ["mod+v"], words: "Paste" },
  { command: "duplicate", keys: ["mod+d"], words: "Duplicate" },
  { command: "all", keys: ["mod+a"], words: "Select everything" },
  { command: "clear", keys: ["escape"], words: "Select nothing" },
  { command: "search", keys: ["/", "mod+f"], words: "Find a box" },
  { command: "arrange", keys: ["l"], words: "Lay out from left to right" },
  { command: "fit", keys: ["f"], words: "Show the whole graph" },
  { command: "next", keys: ["]"], words: "Select the next box" },
  { command: "previous", keys: ["["], words: "Select the box before" },
  { command: "up", keys: ["arrowup", "shift+arrowup"], words: "Move up (with Shift: far)" },
  { command: "down", keys: ["arrowdown", "shift+arrowdown"], words: "Move down" },
  { command: "left", keys: ["arrowleft", "shift+arrowleft"], words: "Move left" },
  { command: "right", keys: ["arrowright", "shift+arrowright"], words: "Move right" },
];

// Copy and paste arrive as the browser's own events, which carry the clipboard's text.
const BY_EVENT: readonly Command[] = ["copy", "cut", "paste"];

export interface Press {
  readonly key: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly shiftKey: boolean;
  readonly altKey: boolean;
}

export function commandOf(press: Press): Command | null {
  if (press.altKey) return null;
  const key = press.key.toLowerCase();
  // `?` and `/` need Shift on some keyboards and not on others.
  const isSign = key.length === 1 && !/[a-z0-9]/.test(key);
  const parts = [press.ctrlKey || press.metaKey ? "mod" : "", press.shiftKey && !isSign ? "shift" : "", key];
  const pressed = parts.filter(Boolean).join("+");
  const found = BINDINGS.find(({ keys }) => keys.includes(pressed));
  return found && !BY_EVENT.includes(found.command) ? found.command : null;
}

// Where a key is text, or moves within a field.
export function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

export function shown(keys: string): string {
  const isMac = navigator.platform.startsWith("Mac");
  const names: Record<string, string> = {
    mod: isMac ? "⌘" : "Ctrl",
    shift: "Shift",
    arrowup: "↑",
    arrowdown: "↓",
    arrowleft: "←",
    arrowright: "→",
    escape: "Esc",
    delete: "Del",
    backspace: "⌫",
  };
  return keys
    .split("+")
    .map((part) => names[part] ?? part.toUpperCase())
    .join(isMac ? "" : " + ");
}
