// SPDX-License-Identifier: Apache-2.0
// How far an upload is, or why it failed.
import { useId } from "react";
import styles from "./panels.module.css";
import type { Uploads } from "./useUploads";

export function UploadState({ sending, failure }: Pick<Uploads, "sending" | "failure">) {
  const id = useId();
  return (
    <>
      {sending && (
        <div className="df-field" role="status">
          <label htmlFor={id}>Uploading {sending.name}</label>
          <progress id={id} className={styles.progress} max={1} value={sending.share} />
        </div>
      )}
      {failure && (
        <p className="df-error" role="alert">
          {failure}
        </p>
      )}
    </>
  );
}
