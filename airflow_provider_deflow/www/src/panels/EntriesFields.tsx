// SPDX-License-Identifier: Apache-2.0
// Names with values, one line each: environment variables, compute resources.
import { useState } from "react";
import { Button } from "../ui/Button";
import { CommittedField } from "./Field";
import styles from "./panels.module.css";

interface Props {
  /** What one of them is: "variable". */
  what: string;
  entries: Readonly<Record<string, string>>;
  refuseName: (name: string) => string | null;
  refuseValue?: (value: string) => string | null;
  suggestions?: readonly string[];
  problemsOf: (name: string) => readonly string[];
  onChange: (entries: Record<string, string>) => void;
}

export function EntriesFields({ what, entries, refuseName, refuseValue = () => null, suggestions = [], problemsOf, onChange }: Props) {
  const [name, setName] = useState("");
  const free = suggestions.filter((one) => !(one in entries));
  const refusal = name === "" ? null : name in entries ? "is there already" : refuseName(name);
  const add = (added: string) => {
    if (added === "" || added in entries || refuseName(added) !== null) return;
    onChange({ ...entries, [added]: refuseValue("") === null ? "" : "1" });
    setName("");
  };
  const rename = (from: string, to: string) =>
    onChange(Object.fromEntries(Object.entries(entries).map(([key, value]) => [key === from ? to : key, value])));
  return (
    <>
      {Object.entries(entries).map(([key, value]) => (
        <div className={styles.pair} key={key}>
          <CommittedField
            label="Name"
            isCode
            value={key}
            refuse={(text) => (text in entries ? "is there already" : refuseName(text))}
            onCommit={(text) => rename(key, text)}
          />
          <CommittedField
            label={`Value of ${key}`}
            isCode
            value={value}
            refuse={refuseValue}
            problems={problemsOf(key)}
            onCommit={(text) => onChange({ ...entries, [key]: text })}
          />
          <Button
            look="plain"
            aria-label={`Remove ${what} ${key}`}
            onClick={() => onChange(Object.fromEntries(Object.entries(entries).filter(([one]) => one !== key)))}
          >
            ✕
          </Button>
        </div>
      ))}
      <form
        className={styles.row}
        onSubmit={(event) => {
          event.preventDefault();
          add(name);
        }}
      >
        <input
          className="df-input"
          aria-label={`Name of a new ${what}`}
          placeholder={`new ${what}`}
          value={name}
          aria-invalid={refusal !== null}
          onChange={(event) => setName(event.target.value)}
        />
        <Button type="submit" disabled={name === "" || refusal !== null}>
          Add
        </Button>
        {free.slice(0, 3).map((one) => (
          <Button key={one} look="plain" onClick={() => add(one)}>
            + {one}
          </Button>
        ))}
      </form>
      {refusal !== null && <div className="df-error">{refusal}</div>}
    </>
  );
}
