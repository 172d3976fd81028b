// SPDX-License-Identifier: Apache-2.0
// What a node computes on besides what its edges bring: published datasets, files on the web, uploads.
import { useRef, useState } from "react";
import { notTrusted } from "../assets/assetText";
import { DidPicker } from "../assets/DidPicker";
import { PublishNew } from "../assets/PublishNew";
import { type Algorithm, type Dataset, isDid, isUpload, type Problem } from "../graph/document";
import { Button } from "../ui/Button";
import { FileChooser } from "../ui/FileChooser";
import { TextField } from "./Field";
import { FileFields } from "./FileFields";
import { messagesAt, pathOf } from "./fieldProblems";
import styles from "./panels.module.css";
import { UploadState } from "./UploadState";
import { useUploads } from "./useUploads";

interface Props {
  datasets: readonly Dataset[];
  /** What runs on them: a published dataset trusts only some. */
  algorithm: Algorithm;
  oceanNode: string;
  prefix: string;
  problems: readonly Problem[];
  mayEdit: boolean;
  onChange: (datasets: readonly Dataset[], coalesce?: string) => void;
}

export function DatasetsFields({ datasets, algorithm, oceanNode, prefix, problems, mayEdit, onChange }: Props) {
  const [isOver, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const add = (dataset: Dataset) => onChange([...datasets, dataset]);
  const uploads = useUploads((kept) => add({ upload: kept.sha256, name: kept.name }));

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
        void uploads.send([...event.dataTransfer.files]);
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
            algorithm={algorithm}
            oceanNode={oceanNode}
            prefix={prefix + pathOf([index])}
            problems={problems}
            onChange={(next, coalesce) => replace(index, next, coalesce)}
          />
        </div>
      ))}
      <UploadState {...uploads} />
      <div className={styles.buttons}>
        <Button onClick={() => chooser.current?.click()} disabled={uploads.sending !== null}>
          Upload a file
        </Button>
        <Button onClick={() => add({ did: "" })}>Add a DID</Button>
        <Button onClick={() => add({ file: { type: "url", url: "" } })}>Add a URL</Button>
        {mayEdit && <PublishNew kind="dataset" oceanNode={oceanNode} onUse={(did) => add({ did })} />}
      </div>
      <FileChooser ref={chooser} label="Files to upload" onChoose={(chosen) => void uploads.send(chosen)} />
      <p className="df-hint">The algorithm finds each under /data/inputs. A file can also be dropped here.</p>
    </div>
  );
}

function One({ dataset, algorithm, oceanNode, prefix, problems, onChange }: {
  dataset: Dataset;
  algorithm: Algorithm;
  oceanNode: string;
  prefix: string;
  problems: readonly Problem[];
  onChange: (dataset: Dataset, coalesce?: string) => void;
}) {
  if (isDid(dataset)) {
    return (
      <DidPicker
        label="Dataset"
        kind="dataset"
        did={dataset.did}
        oceanNode={oceanNode}
        problems={messagesAt(problems, prefix)}
        remarkOn={(asset) => notTrusted(asset, algorithm)}
        onChange={(did, coalesce) => onChange({ did }, coalesce)}
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
