// SPDX-License-Identifier: Apache-2.0
// What a node computes on besides what its edges bring: published datasets, files on the web, uploads.
import { useEffect, useRef, useState } from "react";
import { type Dataset, isDid, isUpload, type Problem } from "../graph/document";
import { Button } from "../ui/Button";
import { TextField } from "./Field";
import { FileFields } from "./FileFields";
import { messagesAt, pathOf } from "./fieldProblems";
import styles from "./panels.module.css";
import { upload } from "./uploading";

interface Props {
  datasets: readonly Dataset[];
  prefix: string;
  problems: readonly Problem[];
  onChange: (datasets: readonly Dataset[], coalesce?: string) => void;
}

interface Sending {
  name: string;
  share: number;
}

export function DatasetsFields({ datasets, prefix, problems, onChange }: Props) {
  const [sending, setSending] = useState<Sending | null>(null);
  const [failure, setFailure] = useState("");
  const [isOver, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const leaving = useRef(new AbortController());
  // An upload takes a while: what it adds goes to the drawing as it is then, not as it was at its beginning.
  const latest = useRef({ datasets, onChange });
  latest.current = { datasets, onChange };
  useEffect(() => {
    leaving.current = new AbortController();
    return () => leaving.current.abort();
  }, []);

  const send = async (files: readonly File[]) => {
    setFailure("");
    for (const file of files) {
      setSending({ name: file.name, share: 0 });
      try {
        const kept = await upload(file, (share) => setSending({ name: file.name, share }), leaving.current.signal);
        latest.current.onChange([...latest.current.datasets, { upload: kept.sha256, name: kept.name }]);
      } catch (error) {
        if (leaving.current.signal.aborted) return;
        setFailure(`${file.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    setSending(null);
  };

  const replace = (index: number, dataset: Dataset, coalesce?: string) =>
    onChange(
      datasets.map((one, at) => (at === index ? dataset : one)),
      coalesce && `dataset ${index} ${coalesce}`,
    );
  return (
    <div
      className={`${styles.fields} ${styles.drop}`}
      style={{ padding: 0 }}
      data-over={isOver}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        void send([...event.dataTransfer.files]);
      }}
    >
      {datasets.map((dataset, index) => (
        // By place: a dataset has no id, and two may be equal.
        <div className={styles.item} key={index}>
          <div className={styles.itemHead}>
            <strong>{titleOf(dataset, index)}</strong>
            <Button
              look="plain"
              aria-label={`Remove ${titleOf(dataset, index)}`}
              onClick={() => onChange(datasets.filter((_, at) => at !== index))}
            >
              ✕
            </Button>
          </div>
          <One
            dataset={dataset}
            prefix={prefix + pathOf([index])}
            problems={problems}
            onChange={(next, coalesce) => replace(index, next, coalesce)}
          />
        </div>
      ))}
      {sending && (
        <div className="df-field" role="status">
          <label htmlFor="deflow-upload">Uploading {sending.name}</label>
          <progress id="deflow-upload" className={styles.progress} max={1} value={sending.share} />
        </div>
      )}
      {failure && (
        <p className="df-error" role="alert">
          {failure}
        </p>
      )}
      <div className={styles.buttons}>
        <Button onClick={() => chooser.current?.click()} disabled={sending !== null}>
          Upload a file
        </Button>
        <Button onClick={() => onChange([...datasets, { did: "" }])}>Add a DID</Button>
        <Button onClick={() => onChange([...datasets, { file: { type: "url", url: "" } }])}>Add a URL</Button>
      </div>
      <input
        ref={chooser}
        type="file"
        multiple
        hidden
        aria-label="Files to upload"
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = "";
          void send(files);
        }}
      />
      <p className="df-hint">The algorithm finds each under /data/inputs. A file can also be dropped here.</p>
    </div>
  );
}

function One({ dataset, prefix, problems, onChange }: {
  dataset: Dataset;
  prefix: string;
  problems: readonly Problem[];
  onChange: (dataset: Dataset, coalesce?: string) => void;
}) {
  if (isDid(dataset)) {
    return (
      <TextField
        label="DID"
        isCode
        value={dataset.did}
        placeholder="did:op:…"
        problems={messagesAt(problems, prefix)}
        onChange={(did) => onChange({ did }, "did")}
      />
    );
  }
  if (isUpload(dataset)) {
    return (
      <TextField
        label="Name for the algorithm"
        isCode
        value={dataset.name}
        hint={`sha256 ${dataset.upload.slice(0, 12)}…`}
        problems={messagesAt(problems, prefix)}
        onChange={(name) => onChange({ ...dataset, name }, "name")}
      />
    );
  }
  return (
    <FileFields
      file={dataset.file}
      prefix={`${prefix}.file`}
      problems={problems}
      onChange={(file, coalesce) => onChange({ file }, coalesce)}
    />
  );
}

function titleOf(dataset: Dataset, index: number): string {
  if (isUpload(dataset)) return dataset.name || `Upload ${index + 1}`;
  return `${isDid(dataset) ? "Dataset" : "File"} ${index + 1}`;
}
