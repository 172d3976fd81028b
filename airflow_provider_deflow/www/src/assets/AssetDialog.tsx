// SPDX-License-Identifier: Apache-2.0
// Publishes a dataset or an algorithm: a form, checked as it is filled in, then what becomes of it until it is over.
import { useId, useState } from "react";
import { api, ApiError } from "../api/client";
import type { AssetKind, StartedPublication } from "../api/types";
import { useWatched } from "../run/useRun";
import { isFinal } from "../run/states";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { AboutFields, ContainerFields, PriceFields, UseFields, WhoFields } from "./AssetFields";
import { AssetFiles } from "./AssetFiles";
import { type AssetField, type AssetForm, emptyForm, type FieldProblems, problemsOf, refusedAt, requestOf } from "./assetForm";
import { PublicationView } from "./PublicationView";

interface Props {
  kind?: AssetKind;
  oceanNode?: string | null;
  onClose: () => void;
  /** Where the new asset can be used at once. */
  onUse?: (did: string) => void;
}

export function AssetDialog({ kind = "dataset", oceanNode = null, onClose, onUse }: Props) {
  const [form, setForm] = useState(() => emptyForm(kind, oceanNode));
  const [started, setStarted] = useState<StartedPublication | null>(null);
  return started === null ? (
    <Filling form={form} onForm={setForm} onStarted={setStarted} onClose={onClose} />
  ) : (
    <Following
      started={started}
      name={form.name}
      onBack={() => setStarted(null)}
      onClose={onClose}
      {...(onUse && form.kind === kind && { onUse })}
    />
  );
}

interface FillingProps {
  form: AssetForm;
  onForm: (form: AssetForm) => void;
  onStarted: (started: StartedPublication) => void;
  onClose: () => void;
}

function Filling({ form, onForm, onStarted, onClose }: FillingProps) {
  const id = useId();
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [wasTried, setTried] = useState(false);
  const [isSending, setSending] = useState(false);
  const [refused, setRefused] = useState<{ fields: FieldProblems; others: string[] }>({ fields: {}, others: [] });
  const own = problemsOf(form);
  const shown = shownProblems(own, refused.fields, wasTried ? null : touched);
  const change = (patch: Partial<AssetForm>) => {
    onForm({ ...form, ...patch });
    setTouched((now) => new Set([...now, ...Object.keys(patch)]));
    // What the server refused was the old value.
    setRefused(({ fields }) => ({ fields: without(fields, Object.keys(patch)), others: [] }));
  };
  const send = async () => {
    setTried(true);
    if (Object.keys(own).length > 0) return;
    setSending(true);
    try {
      onStarted(await api.publishAsset(requestOf(form)));
    } catch (error) {
      const found = refusedAt(error instanceof ApiError ? error.problems : []);
      const isPlaced = Object.keys(found.fields).length > 0;
      setRefused(isPlaced ? found : { ...found, others: [error instanceof Error ? error.message : String(error)] });
      setSending(false);
    }
  };
  const part = { form, problems: shown, onChange: change };
  const count = Object.keys(shown).length;
  return (
    <Dialog
      title="Publish an asset"
      onClose={onClose}
      actions={
        <>
          {wasTried && count > 0 && (
            <span className="df-error" role="alert">
              {count === 1 ? "One field is" : `${count} fields are`} not right yet.
            </span>
          )}
          <Button onClick={onClose}>Cancel</Button>
          <Button look="primary" type="submit" form={id} disabled={isSending}>
            {isSending ? "Sending …" : "Publish"}
          </Button>
        </>
      }
    >
      <form
        id={id}
        noValidate
        style={{ display: "contents" }}
        onSubmit={(event) => {
          event.preventDefault();
          // A form in a dialog is still inside the form behind it.
          event.stopPropagation();
          if (!isSending) void send();
        }}
      >
        <AboutFields {...part} />
        <AssetFiles {...part} />
        {form.kind === "algorithm" && <ContainerFields {...part} />}
        <UseFields {...part} />
        <PriceFields {...part} />
        <WhoFields {...part} />
        {refused.others.map((message) => (
          <p key={message} className="df-error" role="alert">
            {message}
          </p>
        ))}
      </form>
    </Dialog>
  );
}

interface FollowingProps {
  started: StartedPublication;
  name: string;
  onBack: () => void;
  onClose: () => void;
  onUse?: (did: string) => void;
}

function Following({ started, name, onBack, onClose, onUse }: FollowingProps) {
  const { value: publication, error } = useWatched(started.run_id, (signal) => api.readPublication(started.run_id, signal));
  const did = publication?.state === "success" ? publication.did : null;
  return (
    <Dialog
      title={isFinal(publication?.state) ? name : `Publishing ${name}`}
      onClose={onClose}
      actions={
        <>
          {publication?.state === "failed" && <Button onClick={onBack}>Back to the form</Button>}
          <Button onClick={onClose}>Close</Button>
          {onUse && did !== null && (
            <Button
              look="primary"
              onClick={() => {
                onUse(did);
                onClose();
              }}
            >
              Use in the node
            </Button>
          )}
        </>
      }
    >
      <PublicationView started={started} publication={publication} error={error} />
    </Dialog>
  );
}

/** The server's words and the form's own; of fields that nobody has filled in yet only when `touched` is null. */
function shownProblems(own: FieldProblems, refused: FieldProblems, touched: ReadonlySet<string> | null): FieldProblems {
  const all = { ...refused, ...own };
  if (touched === null) return all;
  return Object.fromEntries(Object.entries(all).filter(([field]) => touched.has(field) || field in refused));
}

function without(problems: FieldProblems, fields: readonly string[]): FieldProblems {
  return Object.fromEntries(Object.entries(problems).filter(([field]) => !fields.includes(field as AssetField)));
}
