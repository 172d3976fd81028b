// SPDX-License-Identifier: Apache-2.0
// The browser's own window to choose files, opened by a click on `ref`. The same file can be chosen again.
import type { Ref } from "react";

interface Props {
  ref: Ref<HTMLInputElement>;
  label: string;
  onChoose: (files: File[]) => void;
}

export function FileChooser({ ref, label, onChoose }: Props) {
  return (
    <input
      ref={ref}
      type="file"
      multiple
      hidden
      aria-label={label}
      onChange={(event) => {
        const chosen = [...(event.target.files ?? [])];
        event.target.value = "";
        onChoose(chosen);
      }}
    />
  );
}
