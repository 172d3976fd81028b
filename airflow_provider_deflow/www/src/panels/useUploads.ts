// SPDX-License-Identifier: Apache-2.0
// Sends files to DeFlow's storage one after the other, and tells how far it is.
import { useEffect, useRef, useState } from "react";
import type { Upload } from "../api/types";
import { upload } from "./uploading";

export interface Uploads {
  /** What is on its way now. */
  sending: { name: string; share: number } | null;
  failure: string;
  send: (files: readonly File[]) => Promise<void>;
}

/** `onKept` is told of each file that has arrived; what is on its way is given up when the form goes. */
export function useUploads(onKept: (kept: Upload) => void): Uploads {
  const [sending, setSending] = useState<Uploads["sending"]>(null);
  const [failure, setFailure] = useState("");
  const leaving = useRef(new AbortController());
  // An upload takes a while: what it adds goes to the form as it is then, not as it was at its beginning.
  const latest = useRef(onKept);
  latest.current = onKept;
  useEffect(() => {
    leaving.current = new AbortController();
    return () => leaving.current.abort();
  }, []);
  const send = async (files: readonly File[]) => {
    setFailure("");
    for (const file of files) {
      setSending({ name: file.name, share: 0 });
      try {
        latest.current(await upload(file, (share) => setSending({ name: file.name, share }), leaving.current.signal));
      } catch (error) {
        if (leaving.current.signal.aborted) return;
        setFailure(`${file.name}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    setSending(null);
  };
  return { sending, failure, send };
}
