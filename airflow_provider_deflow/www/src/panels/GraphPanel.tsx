// SPDX-License-Identifier: Apache-2.0
// The graph itself, shown while nothing is selected: what it is, when it runs, what a run may be given.
import type { GraphDocument } from "../graph/document";
import { WalletPicker } from "../money/WalletPicker";
import { CommittedField, NumberField, TextField } from "./Field";
import { OCEAN_NODE_DEFAULT } from "./defaults";
import { OceanNodePicker } from "./OceanNodePicker";
import { ParamsFields } from "./ParamsFields";
import { Problems } from "./Problems";
import { ScheduleFields } from "./ScheduleFields";
import { Section } from "./Section";
import type { PanelProps } from "./common";
import { patchDefaults, patched, patchGraph, scheduleOf } from "./edits";
import { messagesAt } from "./fieldProblems";
import styles from "./panels.module.css";

// Where problems are shown at a field, or by the canvas.
const PLACES = ["name", "description", "owner", "tags", "schedule", "params", "budget", "defaults", "nodes", "edges", "notes"];

export function GraphPanel({ document, problems, onChange }: PanelProps) {
  const params = document.params ?? {};
  const budget = document.budget ?? {};
  const defaults = document.defaults ?? {};
  const messages = (path: string) => messagesAt(problems, path);
  const set = (patch: { [K in keyof GraphDocument]?: GraphDocument[K] | undefined }, key: string) =>
    onChange(patchGraph(document, patch), `graph:${key}`);
  const setBudget = (key: "per_run" | "per_day" | "fee_token", text: string) =>
    set({ budget: patched(budget, { [key]: text || undefined }) }, `budget:${key}`);
  const ids = new Set([...document.nodes, ...document.edges].map(({ id }) => id));
  const others = problems.filter(
    ({ where }) => !ids.has(where) && !PLACES.some((place) => where === place || where.startsWith(`${place}.`) || where.startsWith(`${place}[`)),
  );
  return (
    <>
      <header className={styles.head}>
        <h2>{document.name || document.slug}</h2>
        <p className="df-hint">
          {counted(document.nodes.length, "node")}, {counted(document.edges.length, "edge")} · Dag deflow_{document.slug}
        </p>
      </header>
      <Problems problems={others} />
      <div className={styles.fields}>
        <TextField
          label="Name"
          value={document.name ?? ""}
          placeholder={document.slug}
          problems={messages("name")}
          onChange={(name) => set({ name }, "name")}
        />
        <TextField
          label="Description"
          rows={3}
          value={document.description ?? ""}
          problems={messages("description")}
          onChange={(description) => set({ description }, "description")}
        />
        <TextField
          label="Owner"
          value={document.owner ?? ""}
          problems={messages("owner")}
          onChange={(owner) => set({ owner }, "owner")}
        />
        <CommittedField
          label="Tags"
          value={(document.tags ?? []).join(", ")}
          hint="Divided by commas."
          problems={messages("tags")}
          refuse={() => null}
          onCommit={(text) => set({ tags: tagsOf(text) }, "tags")}
        />
      </div>
      <Section title="Schedule" summary={scheduleOf(document).cron ?? ""}>
        <ScheduleFields document={document} problems={problems} onChange={onChange} />
      </Section>
      <Section title="Parameters" summary={String(Object.keys(params).length)}>
        <ParamsFields
          params={params}
          problems={problems}
          onChange={(next) => set({ params: Object.keys(next).length === 0 ? undefined : next }, "params")}
        />
      </Section>
      <Section title="Budget" isOpen={false}>
        <TextField
          label="Most a run may cost"
          value={budget.per_run ?? ""}
          placeholder="not limited"
          hint="In whole tokens, such as 5 or 0.25."
          problems={messages("budget.per_run")}
          onChange={(text) => setBudget("per_run", text)}
        />
        <TextField
          label="Most all runs of a day may cost"
          value={budget.per_day ?? ""}
          placeholder="not limited"
          problems={messages("budget.per_day")}
          onChange={(text) => setBudget("per_day", text)}
        />
        <TextField
          label="Fee token"
          isCode
          value={budget.fee_token ?? ""}
          placeholder="0x…"
          problems={messages("budget.fee_token")}
          onChange={(text) => setBudget("fee_token", text)}
        />
      </Section>
      <Section title="Defaults of its nodes" isOpen={false}>
        <OceanNodePicker
          value={defaults.ocean_node ?? null}
          fallback={OCEAN_NODE_DEFAULT}
          problems={messages("defaults.ocean_node")}
          onChange={(connId) => onChange(patchDefaults(document, { ocean_node: connId ?? undefined }))}
        />
        <WalletPicker
          value={defaults.wallet ?? null}
          problems={messages("defaults.wallet")}
          onChange={(connId) => onChange(patchDefaults(document, { wallet: connId ?? undefined }))}
        />
        <NumberField
          label="Longest duration in seconds"
          isWhole
          min={1}
          value={defaults.max_duration_seconds ?? null}
          placeholder="3600"
          problems={messages("defaults.max_duration_seconds")}
          onChange={(value) =>
            onChange(patchDefaults(document, { max_duration_seconds: value ?? undefined }), "graph:max_duration_seconds")
          }
        />
        <NumberField
          label="Retries"
          isWhole
          value={defaults.retries ?? null}
          placeholder="2"
          problems={messages("defaults.retries")}
          onChange={(value) => onChange(patchDefaults(document, { retries: value ?? undefined }), "graph:retries")}
        />
      </Section>
    </>
  );
}

function tagsOf(text: string): string[] {
  return [...new Set(text.split(",").map((tag) => tag.trim()))].filter((tag) => tag !== "");
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
