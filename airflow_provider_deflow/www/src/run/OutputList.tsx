// SPDX-License-Identifier: Apache-2.0
// The files that a node, or the run, left: each with a preview where one can be shown, and a download.
import { useState } from "react";
import { api } from "../api/client";
import type { OutputFile } from "../api/types";
import { Button } from "../ui/Button";
import { OutputPreview } from "./OutputPreview";
import { previewKind, sizeText } from "./preview";
import styles from "./run.module.css";

interface Props {
  slug: string;
  runId: string;
  files: readonly OutputFile[];
  empty: string;
}

export function OutputList({ slug, runId, files, empty }: Props) {
  const [shown, setShown] = useState<string | null>(null);
  if (files.length === 0) return <p className="df-hint">{empty}</p>;
  return (
    <ul className={styles.outputs}>
      {files.map((file) => {
        const url = api.outputUrl(slug, runId, file.sha256, file.name);
        const kind = previewKind(file.name, file.size);
        const isShown = shown === file.name;
        return (
          <li key={file.name}>
            <div className={styles.output}>
              <span className={styles.fileName} title={`sha256 ${file.sha256}`}>
                {file.name}
              </span>
              <span className="df-hint">{sizeText(file.size)}</span>
              {kind !== "none" && (
                <Button look="plain" aria-expanded={isShown} onClick={() => setShown(isShown ? null : file.name)}>
                  {isShown ? "Hide" : "Show"}
                </Button>
              )}
              <a href={url} download={file.name.split("/").pop()} aria-label={`Download ${file.name}`}>
                Download
              </a>
            </div>
            {isShown && <OutputPreview url={url} file={file} kind={kind} />}
          </li>
        );
      })}
    </ul>
  );
}
