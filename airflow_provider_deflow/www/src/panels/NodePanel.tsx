// SPDX-License-Identifier: Apache-2.0
// A compute node: what runs, where, on which data, within which limits.
import { type ComputeData, type GraphNode, nodeTitle, NOTHING_SELECTED } from "../graph/document";
import { WalletPicker } from "../money/WalletPicker";
import { AlgorithmFields } from "./AlgorithmFields";
import { DatasetsFields } from "./DatasetsFields";
import { EntriesFields } from "./EntriesFields";
import { EnvironmentPicker } from "./EnvironmentPicker";
import { CommittedField, NumberField, SelectField, TextField } from "./Field";
import { OCEAN_NODE_DEFAULT } from "./defaults";
import { OceanNodePicker } from "./OceanNodePicker";
import { Problems } from "./Problems";
import { Section } from "./Section";
import type { PanelProps } from "./common";
import { idProblem, patchNodes, renameNode } from "./edits";
import { messagesAt, pathOf, unplaced } from "./fieldProblems";
import styles from "./panels.module.css";

// A new node's own; `compute_resources` left out means these to the server too.
const DEFAULT_RESOURCES = { cpu: 1, ram: 1 };

export function NodePanel({ node, document, problems, mayEdit, onChange, onSelect }: PanelProps & { node: GraphNode }) {
  const prefix = pathOf(["nodes", document.nodes.indexOf(node)]);
  const data = node.data;
  const at = (key: keyof ComputeData) => `${prefix}.data.${key}`;
  const messages = (key: keyof ComputeData) => messagesAt(problems, at(key));
  const change = (patch: { [K in keyof ComputeData]?: ComputeData[K] | undefined }, coalesce?: string) =>
    onChange(patchNodes(document, [node.id], patch), coalesce && `node:${node.id}:${coalesce}`);
  const defaults = document.defaults ?? {};
  const resources = data.compute_resources ?? DEFAULT_RESOURCES;
  const variables = data.environment_variables ?? {};
  const datasets = data.datasets ?? [];
  const oceanNode = data.ocean_node ?? defaults.ocean_node ?? OCEAN_NODE_DEFAULT;
  const isPaid = data.payment?.mode === "paid";
  return (
    <>
      <header className={styles.head}>
        <h2>{nodeTitle(node)}</h2>
        <p className="df-hint">One compute job on an Ocean Node.</p>
      </header>
      <Problems problems={unplaced(problems, { id: node.id, prefix, fields: FIELDS.map(at) })} />
      <div className={styles.fields}>
        <TextField
          label="Label"
          value={data.label ?? ""}
          placeholder={node.id}
          problems={messages("label")}
          onChange={(label) => change({ label: label || undefined }, "label")}
        />
        <CommittedField
          label="Id"
          isCode
          value={node.id}
          refuse={(id) => idProblem(document, node.id, id)}
          hint="The name of its Airflow task."
          onCommit={(id) => {
            onChange(renameNode(document, node.id, id));
            onSelect({ ...NOTHING_SELECTED, nodes: [id] });
          }}
        />
      </div>
      <Section title="Algorithm">
        <AlgorithmFields
          algorithm={data.algorithm}
          oceanNode={oceanNode}
          prefix={at("algorithm")}
          problems={problems}
          mayEdit={mayEdit}
          onChange={(algorithm, coalesce) => change({ algorithm }, coalesce && `algorithm ${coalesce}`)}
        />
        {messagesHere(problems, at("algorithm")).map((message) => (
          <p className="df-error" key={message}>
            {message}
          </p>
        ))}
      </Section>
      <Section title="Datasets" summary={datasets.length === 0 ? "only what its edges bring" : String(datasets.length)}>
        <DatasetsFields
          datasets={datasets}
          algorithm={data.algorithm}
          oceanNode={oceanNode}
          prefix={at("datasets")}
          problems={problems}
          mayEdit={mayEdit}
          onChange={(next, coalesce) => change({ datasets: next.length === 0 ? undefined : next }, coalesce)}
        />
      </Section>
      <Section title="Where it runs">
        <OceanNodePicker
          value={data.ocean_node ?? null}
          fallback={defaults.ocean_node}
          problems={messages("ocean_node")}
          // An environment belongs to its Ocean Node.
          onChange={(connId) => change({ ocean_node: connId ?? undefined, environment: undefined })}
        />
        <EnvironmentPicker
          oceanNode={oceanNode}
          value={data.environment ?? null}
          problems={messages("environment")}
          onChange={(environment) => change({ environment: environment ?? undefined })}
        />
        <span className="df-label">Resources (ram and disk in GB)</span>
        <EntriesFields
          what="resource"
          entries={asTexts(resources)}
          suggestions={["cpu", "ram", "disk", "gpu"]}
          refuseName={(name) => (/^[A-Za-z0-9_.-]{1,64}$/.test(name) ? null : "must be letters, digits, _ . or -")}
          refuseValue={(text) => (text.trim() !== "" && Number(text) >= 0 ? null : "must be a number, 0 or more")}
          problemsOf={(name) => messagesAt(problems, at("compute_resources") + pathOf([name]).replace(/^(?!\[)/, "."))}
          onChange={(entries) => change({ compute_resources: asNumbers(entries) })}
        />
      </Section>
      <Section title="Payment" isOpen={false} summary={data.payment?.mode ?? "free"}>
        <SelectField
          label="How the job is paid"
          value={data.payment?.mode ?? "free"}
          options={[
            { value: "free", text: "free" },
            { value: "paid", text: "paid from the wallet" },
          ]}
          hint={
            isPaid
              ? "The whole of its longest duration is locked in escrow before it starts; what is not used comes back. The graph's budget limits it."
              : "It runs only in environments that have free jobs."
          }
          problems={messages("payment")}
          onChange={(mode) => change({ payment: mode === "free" ? undefined : { mode } })}
        />
        <WalletPicker
          value={data.wallet ?? null}
          fallback={defaults.wallet}
          mustPay={isPaid}
          problems={messages("wallet")}
          onChange={(connId) => change({ wallet: connId ?? undefined })}
        />
      </Section>
      <Section title="Environment variables" summary={String(Object.keys(variables).length)} isOpen={false}>
        <EntriesFields
          what="variable"
          entries={variables}
          refuseName={(name) =>
            /^[A-Za-z_][A-Za-z0-9_]{0,199}$/.test(name) ? null : "must be letters, digits and _, and no digit first"
          }
          problemsOf={(name) => messagesAt(problems, `${at("environment_variables")}.${name}`)}
          onChange={(entries) =>
            change({ environment_variables: Object.keys(entries).length === 0 ? undefined : entries })
          }
        />
        <p className="df-hint">
          May hold {"{{ params.name }}"}, {"{{ ds }}"}, {"{{ ts }}"} and {"{{ run_id }}"}. Not for secrets: everyone who
          may read the graph sees them.
        </p>
      </Section>
      <Section title="Limits" isOpen={false}>
        <NumberField
          label="Longest duration in seconds"
          isWhole
          min={1}
          value={data.max_duration_seconds ?? null}
          placeholder={`the graph's default (${defaults.max_duration_seconds ?? 3600})`}
          problems={messages("max_duration_seconds")}
          onChange={(value) => change({ max_duration_seconds: value ?? undefined }, "max_duration_seconds")}
        />
        <NumberField
          label="Retries"
          isWhole
          value={data.retries ?? null}
          placeholder={`the graph's default (${defaults.retries ?? 2})`}
          problems={messages("retries")}
          onChange={(value) => change({ retries: value ?? undefined }, "retries")}
        />
        <TextField
          label="Airflow pool"
          value={data.pool ?? ""}
          placeholder="default_pool"
          problems={messages("pool")}
          onChange={(pool) => change({ pool: pool || undefined }, "pool")}
        />
        <TextField
          label="Airflow queue"
          value={data.queue ?? ""}
          placeholder="default"
          problems={messages("queue")}
          onChange={(queue) => change({ queue: queue || undefined }, "queue")}
        />
      </Section>
    </>
  );
}

const FIELDS: readonly (keyof ComputeData)[] = [
  "label", "algorithm", "datasets", "ocean_node", "environment", "compute_resources", "environment_variables",
  "max_duration_seconds", "retries", "pool", "queue", "payment", "wallet",
];

function messagesHere(problems: PanelProps["problems"], where: string): string[] {
  return problems.filter((problem) => problem.where === where).map((problem) => problem.message);
}

function asTexts(numbers: Readonly<Record<string, number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, String(value)]));
}

function asNumbers(texts: Readonly<Record<string, string>>): Record<string, number> {
  return Object.fromEntries(Object.entries(texts).map(([name, value]) => [name, Number(value)]));
}
