// SPDX-License-Identifier: Apache-2.0
// Source code, coloured by its language. Tab leaves the editor, as everywhere on a page.
import { javascript } from "@codemirror/lang-javascript";
import { python } from "@codemirror/lang-python";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, basicSetup } from "codemirror";
import { useEffect, useRef } from "react";
import { useColorMode } from "../ui/colorMode";
import { darkCode, lightCode } from "./codeColours";
import { languageOf } from "./language";
import styles from "./panels.module.css";

interface Props {
  label: string;
  code: string;
  entrypoint: string;
  mayEdit: boolean;
  problems: readonly string[];
  onChange: (code: string) => void;
}

export function CodeEditor({ label, code, entrypoint, mayEdit, problems, onChange }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const editor = useRef<EditorView | null>(null);
  const settings = useRef(new Compartment());
  const changed = useRef(onChange);
  changed.current = onChange;
  const current = useRef(code);
  current.current = code;
  const mode = useColorMode();
  const language = languageOf(entrypoint);

  useEffect(() => {
    if (!place.current) return;
    const view = new EditorView({
      parent: place.current,
      state: EditorState.create({
        doc: code,
        extensions: [
          basicSetup,
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": label }),
          EditorView.updateListener.of((update) => {
            const text = update.docChanged ? update.state.doc.toString() : current.current;
            // What the document says already, after an undo, is no edit: it would end the redo.
            if (text !== current.current) changed.current(text);
          }),
          settings.current.of([]),
        ],
      }),
    });
    editor.current = view;
    return () => view.destroy();
    // Made once; what can change later is dispatched below.
  }, []);

  useEffect(() => {
    const language_ = language === "python" ? [python()] : language === "javascript" ? [javascript()] : [];
    editor.current?.dispatch({
      effects: settings.current.reconfigure([
        ...language_,
        mode === "dark" ? darkCode : lightCode,
        EditorState.readOnly.of(!mayEdit),
        EditorView.editable.of(mayEdit),
      ]),
    });
  }, [language, mode, mayEdit]);

  useEffect(() => {
    const view = editor.current;
    // Undo, or somebody else's version: the document is newer than what stands here.
    if (view && view.state.doc.toString() !== code) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: code } });
    }
  }, [code]);

  return (
    <div className="df-field">
      <span className="df-label">{label}</span>
      <div ref={place} className={styles.code} data-invalid={problems.length > 0} />
      {problems.map((problem) => (
        <div key={problem} className="df-error" role="alert">
          {problem}
        </div>
      ))}
    </div>
  );
}
