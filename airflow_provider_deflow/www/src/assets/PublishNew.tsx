// SPDX-License-Identifier: Apache-2.0
// From a picker to a new asset that it can then use.
import { useState } from "react";
import type { AssetKind } from "../api/types";
import { Button } from "../ui/Button";
import { AssetDialog } from "./AssetDialog";

interface Props {
  kind: AssetKind;
  oceanNode: string;
  onUse: (did: string) => void;
}

export function PublishNew({ kind, oceanNode, onUse }: Props) {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <Button onClick={() => setOpen(true)}>Publish a new one…</Button>
      {isOpen && <AssetDialog kind={kind} oceanNode={oceanNode} onUse={onUse} onClose={() => setOpen(false)} />}
    </>
  );
}
