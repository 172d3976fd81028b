// SPDX-License-Identifier: Apache-2.0
// Chooses a published asset: by words from the Ocean Node's index, or by its DID, typed or pasted.
import { type ReactNode, useEffect, useState } from "react";
import { api, ApiError } from "../api/client";
import type { Asset, AssetKind, AssetPage, AssetSummary } from "../api/types";
import { Field } from "../panels/Field";
import { type Loaded, useLoaded } from "../panels/useLoaded";
import { Combobox } from "../ui/Combobox";
import { useSettled } from "../ui/useSettled";
import styles from "./assets.module.css";
import { notUsable, servicesText } from "./assetText";
import { isDidText, readTyped, shortDid } from "./did";

interface Props {
  label: string;
  kind: AssetKind;
  did: string;
  oceanNode: string;
  hint?: string;
  problems?: readonly string[];
  /** What else speaks against the chosen asset. */
  remarkOn?: (asset: Asset) => string | null;
  onChange: (did: string, coalesce?: string) => void;
}

const MOST = 20;

export function DidPicker({ label, kind, did, oceanNode, hint, problems = [], remarkOn, onChange }: Props) {
  // Words to search for; what is meant as a DID goes to the drawing at once.
  const [words, setWords] = useState<string | null>(null);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => setWords(null), [did]);
  const search = useSettled((words ?? "").trim(), 250);
  const found = useLoaded(isOpen ? `${oceanNode} ${kind} ${search}` : null, () =>
    api.searchAssets({ ocean_node: oceanNode, kind, search, limit: MOST }),
  );
  const chosen = useLoaded(isDidText(did) ? `${oceanNode} ${did}` : null, () => api.readAsset(did, oceanNode));
  const assets = found.value?.assets ?? [];
  return (
    <div className={styles.picker}>
      <Field label={label} hint={hint ?? "Search by name, author or tag, or paste a DID."} problems={problems}>
        {(ids) => (
          <Combobox
            ids={ids}
            listName={kind === "algorithm" ? "Algorithms" : "Datasets"}
            text={words ?? did}
            placeholder="Search, or did:op:…"
            suggestions={assets.map((asset) => ({ key: asset.did, content: <Line asset={asset} /> }))}
            message={messageOf(found, kind, search)}
            onText={(text) => {
              const typed = readTyped(text);
              setWords("words" in typed ? typed.words : null);
              if ("did" in typed && typed.did !== did) onChange(typed.did, "did");
            }}
            onTake={(taken) => {
              setWords(null);
              onChange(taken);
            }}
            onOpen={() => setOpen(true)}
            onLeave={() => {
              setWords(null);
              setOpen(false);
            }}
          />
        )}
      </Field>
      {isDidText(did) && <Chosen asset={chosen} kind={kind} remarkOn={remarkOn} />}
    </div>
  );
}

function Line({ asset }: { asset: AssetSummary }) {
  return (
    <>
      <div>
        <strong>{asset.name || "without a name"}</strong> {asset.author && <span className="df-hint">{asset.author}</span>}
      </div>
      <div className="df-hint">
        {servicesText(asset)} · {shortDid(asset.did)}
      </div>
    </>
  );
}

function Chosen({ asset, kind, remarkOn }: { asset: Loaded<Asset>; kind: AssetKind; remarkOn: Props["remarkOn"] }) {
  if (asset.value === null) {
    return <p className="df-hint">{asset.error ? refusalText(asset.error, "The asset") : "Asking the Ocean Node for its name …"}</p>;
  }
  const remark = notUsable(asset.value, kind) ?? remarkOn?.(asset.value) ?? null;
  return (
    <div className={styles.chosen}>
      <div>
        <strong>{asset.value.name || "without a name"}</strong> <span className="df-hint">{asset.value.author}</span>
      </div>
      <div className="df-hint">
        {asset.value.kind} · {servicesText(asset.value)} · chain {asset.value.chain_id}
      </div>
      {remark !== null && (
        <p className={styles.remark} role="note">
          {remark}
        </p>
      )}
    </div>
  );
}

function messageOf(found: Loaded<AssetPage>, kind: AssetKind, search: string): ReactNode {
  if (found.error) return refusalText(found.error, "The catalogue");
  if (found.isLoading || found.value === null) return "Asking the Ocean Node …";
  const { assets, total, is_complete: isComplete } = found.value;
  const more = isComplete ? "" : " Not all of its index was looked through.";
  if (total === 0) {
    return search ? `No ${kind} there has “${search}” in it.${more}` : `This Ocean Node has indexed no ${kind} yet.${more}`;
  }
  if (assets.length < total) return `${assets.length} of ${total} are shown: more words find the others.${more}`;
  return `${total === 1 ? `One ${kind}` : `${total} ${kind}s`}.${more}`;
}

function refusalText(error: unknown, what: string): string {
  const why = error instanceof Error ? error.message : String(error);
  if (error instanceof ApiError && error.status === 403) return `${what} cannot be shown to you: ${why} A DID can be pasted all the same.`;
  return `${what} could not be read: ${why}`;
}
