// SPDX-License-Identifier: Apache-2.0
// Which Ocean Node: the Airflow connections of its type, as far as the user may see them.
import { api } from "../api/client";
import { OCEAN_NODE_DEFAULT } from "./defaults";
import { SelectField } from "./Field";
import { useLoaded } from "./useLoaded";

interface Props {
  label?: string;
  /** A connection's id; null = the graph's default. */
  value: string | null;
  fallback?: string | undefined;
  /** A value that stands for "not all the same". */
  different?: string;
  problems?: readonly string[];
  onChange: (connId: string | null) => void;
}

export function OceanNodePicker({ label = "Ocean Node", value, fallback = OCEAN_NODE_DEFAULT, different, problems, onChange }: Props) {
  const listing = useLoaded("ocean-nodes", api.listOceanNodes);
  const known = listing.value?.ocean_nodes ?? [];
  const isListed = value === null || value === different || known.some((one) => one.conn_id === value);
  const hint = listing.error
    ? `The list could not be read: ${listing.error instanceof Error ? listing.error.message : String(listing.error)}`
    : listing.value && !isListed
      ? "No Airflow connection of this name is known to you."
      : undefined;
  return (
    <SelectField
      label={label}
      value={value ?? ""}
      options={[
        { value: "", text: `default (${fallback})` },
        ...(different !== undefined && value === different ? [{ value: different, text: "different ones" }] : []),
        ...known.map((one) => ({ value: one.conn_id, text: `${one.conn_id} — ${one.url_host}` })),
      ]}
      hint={hint}
      problems={problems}
      onChange={(next) => next !== different && onChange(next === "" ? null : next)}
    />
  );
}
