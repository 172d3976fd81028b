// SPDX-License-Identifier: Apache-2.0
// Sends a file to DeFlow's storage and tells how far it is: fetch() cannot tell that, XMLHttpRequest can.
import { ApiError, apiRoot } from "../api/client";
import type { Upload } from "../api/types";

export function upload(file: File, onProgress: (share: number) => void, signal: AbortSignal): Promise<Upload> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `${apiRoot()}/uploads?name=${encodeURIComponent(file.name)}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
    request.onload = () => {
      const reply = parsed(request.responseText);
      if (request.status === 201 || request.status === 200) resolve(reply as Upload);
      else reject(new ApiError(request.status, (reply ?? {}) as { error?: string; message?: string }));
    };
    request.onerror = () =>
      reject(new ApiError(0, { error: "unreachable", message: "The upload broke off. Is Airflow running?" }));
    request.onabort = () => reject(new DOMException("aborted", "AbortError"));
    signal.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
