// SPDX-License-Identifier: Apache-2.0
// Which compute environment of an Ocean Node, with what each costs and how busy it is now.
import { api } from "../api/client";
import { Button } from "../ui/Button";
import { SelectField } from "./Field";
import { environmentText, limitsText, readEnvironment } from "./environment";
import styles from "./panels.module.css";
import { useLoaded } from "./useLoaded";

interface Props {
  oceanNode: string;
  value: string | null;
  problems: readonly string[];
  onChange: (environment: string | null) => void;
}

export function EnvironmentPicker({ oceanNode, value, problems, onChange }: Props) {
  const listing = useLoaded(`environments of ${oceanNode}`, () => api.listEnvironments(oceanNode));
  const environments = (listing.value?.environments ?? []).map(readEnvironment);
  const chosen = environments.find((one) => one.id === value);
  return (
    <div className={styles.fields} style={{ padding: 0, gap: 6 }}>
      <SelectField
        label="Environment"
        value={value ?? ""}
        options={[
          { value: "", text: "chosen at each run" },
          ...environments.map((one) => ({ value: one.id, text: environmentText(one) })),
        ]}
        hint={hintOf(listing, chosen ? limitsText(chosen) : "", value !== null && !chosen, value !== null)}
        problems={problems}
        onChange={(id) => onChange(id === "" ? null : id)}
      />
      <div>
        <Button look="plain" onClick={listing.reload} disabled={listing.isLoading}>
          {listing.isLoading ? "Asking the Ocean Node …" : "Ask the Ocean Node again"}
        </Button>
      </div>
    </div>
  );
}

function hintOf(listing: { value: unknown; error: unknown }, limits: string, isGone: boolean, isChosen: boolean): string | undefined {
  if (listing.error) {
    return `The Ocean Node's environments could not be read: ${listing.error instanceof Error ? listing.error.message : String(listing.error)}`;
  }
  if (listing.value && isGone) return "The Ocean Node does not list this environment now: a run that needs it will fail.";
  return isChosen ? limits || undefined : "One that fits is chosen by policy, and its log says why it was.";
}
