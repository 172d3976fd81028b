// SPDX-License-Identifier: Apache-2.0
// One labelled field: its name, the control, what is wrong with it, and a hint, tied together for screen readers.
import { type ReactNode, useEffect, useId, useState } from "react";
import styles from "./panels.module.css";

export interface ControlIds {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: true;
}

interface FieldProps {
  label: string;
  hint?: ReactNode;
  problems?: readonly string[];
  children: (ids: ControlIds) => ReactNode;
}

export function Field({ label, hint, problems = [], children }: FieldProps) {
  const id = useId();
  const said = [hint !== undefined && `${id}-hint`, problems.length > 0 && `${id}-problems`].filter(Boolean).join(" ");
  return (
    <div className="df-field">
      <label htmlFor={id}>{label}</label>
      {children({ id, ...(said && { "aria-describedby": said }), ...(problems.length > 0 && { "aria-invalid": true }) })}
      {problems.length > 0 && (
        <div className="df-error" id={`${id}-problems`}>
          {problems.map((problem) => (
            <div key={problem}>{problem}</div>
          ))}
        </div>
      )}
      {hint !== undefined && (
        <div className="df-hint" id={`${id}-hint`}>
          {hint}
        </div>
      )}
    </div>
  );
}

interface Common {
  label: string;
  hint?: ReactNode;
  problems?: readonly string[];
  placeholder?: string;
}

interface TextFieldProps extends Common {
  value: string;
  onChange: (value: string) => void;
  rows?: number;
  isCode?: boolean;
}

/** A line of text, or with `rows` several. */
export function TextField({ label, hint, problems, value, onChange, rows, isCode = false, placeholder }: TextFieldProps) {
  const style = isCode ? { fontFamily: "var(--df-mono)" } : undefined;
  return (
    <Field label={label} hint={hint} problems={problems}>
      {(ids) =>
        rows === undefined ? (
          <input
            {...ids}
            className="df-input"
            style={style}
            value={value}
            placeholder={placeholder}
            spellCheck={!isCode}
            onChange={(event) => onChange(event.target.value)}
          />
        ) : (
          <textarea
            {...ids}
            className="df-input"
            style={style}
            rows={rows}
            value={value}
            placeholder={placeholder}
            spellCheck={!isCode}
            onChange={(event) => onChange(event.target.value)}
          />
        )
      }
    </Field>
  );
}

interface CommittedProps extends Common {
  value: string;
  /** Why the text cannot be taken; null when it can. */
  refuse: (text: string) => string | null;
  onCommit: (value: string) => void;
  isCode?: boolean;
  rows?: number;
}

/**
 * Text that is taken when it is finished (Enter, or leaving the field), and only when it is right: ids,
 * names of parameters, JSON. Until then what was typed stays here.
 */
export function CommittedField({ label, hint, problems = [], value, refuse, onCommit, placeholder, isCode, rows }: CommittedProps) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  const refusal = text === value ? null : refuse(text);
  const commit = () => {
    if (text !== value && refusal === null) onCommit(text);
  };
  return (
    <Field label={label} hint={hint} problems={refusal === null ? problems : [refusal]}>
      {(ids) => {
        const control = {
          ...ids,
          className: "df-input",
          style: isCode ? { fontFamily: "var(--df-mono)" } : undefined,
          value: text,
          placeholder,
          spellCheck: false,
          onBlur: commit,
        };
        return rows === undefined ? (
          <input
            {...control}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => event.key === "Enter" && commit()}
          />
        ) : (
          <textarea {...control} rows={rows} onChange={(event) => setText(event.target.value)} />
        );
      }}
    </Field>
  );
}

interface NumberFieldProps extends Common {
  /** null = nothing is said. */
  value: number | null;
  onChange: (value: number | null) => void;
  min?: number;
  isWhole?: boolean;
}

/** A number, or nothing. What is no number yet ("1e") stays in the field and is not taken. */
export function NumberField({ label, hint, problems = [], value, onChange, placeholder, min = 0, isWhole = false }: NumberFieldProps) {
  const shown = value === null ? "" : String(value);
  const [text, setText] = useState(shown);
  useEffect(() => setText((now) => (now !== "" && Number(now) === value ? now : shown)), [shown, value]);
  const refusal = refusalOf(text, min, isWhole);
  return (
    <Field label={label} hint={hint} problems={refusal === null ? problems : [refusal]}>
      {(ids) => (
        <input
          {...ids}
          className="df-input"
          inputMode={isWhole ? "numeric" : "decimal"}
          value={text}
          placeholder={placeholder}
          onChange={(event) => {
            const next = event.target.value;
            setText(next);
            if (next.trim() === "") onChange(null);
            else if (refusalOf(next, min, isWhole) === null) onChange(Number(next));
          }}
        />
      )}
    </Field>
  );
}

function refusalOf(text: string, min: number, isWhole: boolean): string | null {
  if (text.trim() === "") return null;
  const value = Number(text);
  if (!Number.isFinite(value)) return "must be a number";
  if (isWhole && !Number.isInteger(value)) return "must be a whole number";
  return value < min ? `must be at least ${min}` : null;
}

interface SelectFieldProps extends Common {
  value: string;
  options: readonly { value: string; text: string }[];
  onChange: (value: string) => void;
}

/** One of several; a value that is no option is shown all the same, and nothing else takes its place. */
export function SelectField({ label, hint, problems, value, options, onChange }: SelectFieldProps) {
  const isKnown = options.some((option) => option.value === value);
  return (
    <Field label={label} hint={hint} problems={problems}>
      {(ids) => (
        <select {...ids} className="df-input" value={value} onChange={(event) => onChange(event.target.value)}>
          {!isKnown && <option value={value}>{value}</option>}
          {options.map((option) => (
            <option key={option.value} value={option.value}>
              {option.text}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

export function CheckField({ label, value, onChange }: { label: string; value: boolean; onChange: (value: boolean) => void }) {
  const id = useId();
  return (
    <div className={styles.row}>
      <input id={id} type="checkbox" checked={value} onChange={(event) => onChange(event.target.checked)} />
      <label htmlFor={id}>{label}</label>
    </div>
  );
}
