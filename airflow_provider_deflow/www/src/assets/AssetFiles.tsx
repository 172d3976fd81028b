// SPDX-License-Identifier: Apache-2.0
// The files of a new asset: chosen or dropped here and kept by DeFlow, or fetched by the Ocean Node from an address.
import { useRef, useState } from "react";
import { TextField } from "../panels/Field";
import { UploadState } from "../panels/UploadState";
import panels from "../panels/panels.module.css";
import { useUploads } from "../panels/useUploads";
import { sizeText } from "../run/preview";
import { Button } from "../ui/Button";
import { FileChooser } from "../ui/FileChooser";
import type { AssetFile, AssetForm } from "./assetForm";
import type { PartProps } from "./AssetFields";
import styles from "./assets.module.css";

export function AssetFiles({ form, problems, onChange }: PartProps) {
  const [isOver, setOver] = useState(false);
  const chooser = useRef<HTMLInputElement>(null);
  const { files } = form;
  const uploads = useUploads(({ sha256, name, size }) =>
    onChange({ files: [...files.filter(isFilled), { kind: "upload", sha256, name, size }] }),
  );
  const set = (next: AssetForm["files"]) => onChange({ files: next });
  return (
    <fieldset className={styles.group}>
      <legend>Files</legend>
      <div
        className={styles.drop}
        data-over={isOver}
        onDragOver={() => setOver(true)}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => {
          event.preventDefault();
          setOver(false);
          void uploads.send([...event.dataTransfer.files]);
        }}
      >
        {files.map((file, index) => (
          // By place: two may be equal.
          <div className={styles.file} key={index}>
            {file.kind === "url" ? (
              <TextField
                label={files.length === 1 ? "URL of the file" : `URL of file ${index + 1}`}
                isCode
                value={file.url}
                placeholder="https://…"
                onChange={(url) => set(files.map((one, at) => (at === index ? { kind: "url", url } : one)))}
              />
            ) : (
              <div>
                <strong>{file.name}</strong> <span className="df-hint">{sizeText(file.size)}, uploaded</span>
              </div>
            )}
            <Button look="plain" aria-label={`Remove file ${index + 1}`} onClick={() => set(files.filter((_, at) => at !== index))}>
              ✕
            </Button>
          </div>
        ))}
        <UploadState {...uploads} />
        <div className={panels.buttons}>
          <Button onClick={() => chooser.current?.click()} disabled={uploads.sending !== null}>
            Upload a file
          </Button>
          <Button onClick={() => set([...files, { kind: "url", url: "" }])}>Add a URL</Button>
        </div>
        <p className="df-hint">A file can also be dropped here. Addresses are encrypted for the Ocean Node, nobody else reads them.</p>
        {files.some(({ kind }) => kind === "upload") && (
          <p className="df-hint">
            The Ocean Node fetches an uploaded file by an address that ends after seven days: publish the same again to renew it.
          </p>
        )}
        {problems.files && (
          <p className="df-error" role="alert">
            {problems.files}
          </p>
        )}
      </div>
      <FileChooser ref={chooser} label="Files of the asset" onChoose={(chosen) => void uploads.send(chosen)} />
    </fieldset>
  );
}

// An address that nobody has typed makes room for an upload.
function isFilled(file: AssetFile): boolean {
  return file.kind === "upload" || file.url !== "";
}
