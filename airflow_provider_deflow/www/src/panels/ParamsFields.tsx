// SPDX-License-Identifier: Apache-2.0
// The graph's parameters: what a run may be given. Default and schema are JSON, as Airflow's params are.
import { useState } from "react";
import type { Parameter, Problem } from "../graph/document";
import { Button } from "../ui/Button";
import { CommittedField } from "./Field";
import { messagesAt, pathOf } from "./fieldProblems";
import { jsonProblem, nameProblem, schemaProblem, shownJson } from "./parameters";
import styles from "./panels.module.css";

type Params = Readonly<Record<string, Parameter>>;

interface Props {
  params: Params;
  problems: readonly Problem[];
  onChange: (params: Params) => void;
}

export function ParamsFields({ params, problems, onChange }: Props) {
  const [name, setName] = useState("");
  const refusal = name === "" ? null : nameProblem(name, params);
  const change = (key: string, patch: Partial<Parameter>) => onChange({ ...params, [key]: { ...params[key], ...patch } });
  const rename = (from: string, to: string) =>
    onChange(Object.fromEntries(Object.entries(params).map(([key, one]) => [key === from ? to : key, one])));
  return (
    <>
      {Object.entries(params).map(([key, parameter]) => (
        <div className={styles.item} key={key}>
          <div className={styles.itemHead}>
            <strong>{key}</strong>
            <Button
              look="plain"
              aria-label={`Remove parameter ${key}`}
              onClick={() => onChange(Object.fromEntries(Object.entries(params).filter(([one]) => one !== key)))}
            >
              ✕
            </Button>
          </div>
          <CommittedField
            label="Name"
            isCode
            value={key}
            refuse={(text) => nameProblem(text, params)}
            onCommit={(text) => rename(key, text)}
          />
          <CommittedField
            label="Default"
            isCode
            value={shownJson(parameter.default)}
            placeholder="none: every run must be given one"
            hint='JSON: 0.5, "text", true, [1, 2]. A text needs its quotes.'
            problems={messagesAt(problems, pathOf(["params", key]))}
            refuse={jsonProblem}
            onCommit={(text) => change(key, { default: text.trim() === "" ? null : (JSON.parse(text) as unknown) })}
          />
          <CommittedField
            label="Schema"
            isCode
            rows={2}
            value={shownJson(parameter.schema)}
            placeholder='{"type": "number", "minimum": 0}'
            hint="JSON Schema; it makes the form that asks for a value."
            refuse={schemaProblem}
            onCommit={(text) =>
              change(key, { schema: text.trim() === "" ? {} : (JSON.parse(text) as Record<string, unknown>) })
            }
          />
        </div>
      ))}
      <form
        className={styles.row}
        onSubmit={(event) => {
          event.preventDefault();
          if (name === "" || refusal !== null) return;
          onChange({ ...params, [name]: { default: null, schema: {} } });
          setName("");
        }}
      >
        <input
          className="df-input"
          aria-label="Name of a new parameter"
          placeholder="new parameter"
          value={name}
          aria-invalid={refusal !== null}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" disabled={name === "" || refusal !== null}>
          Add
        </Button>
      </form>
      {refusal !== null && <div className="df-error">{refusal}</div>}
      <p className="df-hint">Nodes use a parameter as {"{{ params.name }}"}.</p>
    </>
  );
}
