// SPDX-License-Identifier: Apache-2.0
// Starts a run: asks for the graph's parameters, and says which part of the graph it will compute.
import { useId, useState } from "react";
import { api, ApiError } from "../api/client";
import type { NewRun } from "../api/types";
import type { GraphDocument } from "../graph/document";
import { QuotePanel } from "../money/QuotePanel";
import { mayCost } from "../money/quote";
import { CheckField, Field as Labelled } from "../panels/Field";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { type Field, fieldsOf, readForm } from "./paramsForm";
import { partText, type RunPart } from "./part";

interface Props {
  slug: string;
  /** The published drawing: its parameters are asked for. */
  document: GraphDocument;
  part?: RunPart;
  /** Its number, where what is drawn now is something else. */
  revision?: number | null;
  onClose: () => void;
  onStarted: (runId: string) => void;
}

export function TriggerDialog({ slug, document, part, revision, onClose, onStarted }: Props) {
  const form = useId();
  const fields = fieldsOf(document.params ?? {});
  const [entered, setEntered] = useState<Record<string, string>>({});
  const [isNew, setNew] = useState(false);
  const [wasTried, setTried] = useState(false);
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const { params, problems } = readForm(fields, entered);
  const start = async () => {
    setTried(true);
    if (Object.keys(problems).length > 0) return;
    setSending(true);
    setFailure(null);
    try {
      const asked: NewRun = { params, ...(part && { [part.option]: [part.nodeId] }), ...(isNew && { force_new: true }) };
      onStarted((await api.startRun(slug, asked)).run_id);
    } catch (error) {
      const details = error instanceof ApiError ? error.problems.map(({ where, message }) => `${where}: ${message}`) : [];
      setFailure([error instanceof Error ? error.message : String(error), ...details].join("\n"));
      setSending(false);
    }
  };
  return (
    <Dialog
      title={part ? "Run a part" : `Run ${document.name || slug}`}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form={form} disabled={isSending}>
            {isSending ? "Starting …" : "Run"}
          </Button>
        </>
      }
    >
      <form
        id={form}
        noValidate
        style={{ display: "contents" }}
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <p>{partText(part)}</p>
        {typeof revision === "number" && (
          <p className="df-hint">It is revision {revision} that runs: what was changed since then is not published.</p>
        )}
        {fields.map((field) => (
          <ParamField
            key={field.name}
            field={field}
            text={entered[field.name] ?? field.initial}
            problem={wasTried || field.name in entered ? problems[field.name] : undefined}
            onChange={(text) => setEntered((now) => ({ ...now, [field.name]: text }))}
          />
        ))}
        {mayCost(document) && <QuotePanel slug={slug} document={document} />}
        {part && mayCost(document) && <p className="df-hint">That is the whole graph; a part costs less.</p>}
        <CheckField label="Compute anew, also what an earlier run computed from the same inputs" value={isNew} onChange={setNew} />
        {failure !== null && (
          <p className="df-error" role="alert" style={{ whiteSpace: "pre-wrap" }}>
            {failure}
          </p>
        )}
      </form>
    </Dialog>
  );
}

interface ParamFieldProps {
  field: Field;
  text: string;
  problem: string | undefined;
  onChange: (text: string) => void;
}

function ParamField({ field, text, problem, onChange }: ParamFieldProps) {
  if (field.kind === "boolean" && !field.isRequired) {
    return <CheckField label={field.label} value={text === "true"} onChange={(value) => onChange(String(value))} />;
  }
  const hint = [field.description, rangeText(field)].filter(Boolean).join(" ");
  const options =
    field.kind === "boolean"
      ? [["true", "yes"], ["false", "no"]]
      : field.choices.map((choice) => [JSON.stringify(choice), String(choice)]);
  return (
    <Labelled
      label={field.isRequired ? `${field.label} (needed)` : field.label}
      {...(hint && { hint })}
      problems={problem === undefined ? [] : [problem]}
    >
      {(ids) =>
        field.kind === "choice" || field.kind === "boolean" ? (
          <select {...ids} className="df-input" value={text} onChange={(event) => onChange(event.target.value)}>
            {text === "" && <option value="">choose …</option>}
            {options.map(([value, shown]) => (
              <option key={value} value={value}>
                {shown}
              </option>
            ))}
          </select>
        ) : field.kind === "json" ? (
          <textarea {...ids} className="df-input" rows={3} value={text} onChange={(event) => onChange(event.target.value)} />
        ) : (
          <input
            {...ids}
            className="df-input"
            inputMode={field.kind === "text" ? "text" : "decimal"}
            value={text}
            onChange={(event) => onChange(event.target.value)}
          />
        )
      }
    </Labelled>
  );
}

function rangeText({ minimum, maximum }: Field): string {
  if (minimum !== null && maximum !== null) return `From ${minimum} to ${maximum}.`;
  if (minimum !== null) return `At least ${minimum}.`;
  return maximum === null ? "" : `At most ${maximum}.`;
}
