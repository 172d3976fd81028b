// SPDX-License-Identifier: Apache-2.0
// The parts of the form of a new asset: what it is, how it may be used, what it costs, who publishes it.
import { CheckField, SelectField, TextField } from "../panels/Field";
import { OceanNodePicker } from "../panels/OceanNodePicker";
import { OCEAN_NODE_DEFAULT } from "../panels/defaults";
import { WalletPicker } from "../money/WalletPicker";
import { Button } from "../ui/Button";
import { type AssetField, type AssetForm, type FieldProblems, TIMEOUTS } from "./assetForm";
import styles from "./assets.module.css";
import { DidPicker } from "./DidPicker";

export interface PartProps {
  form: AssetForm;
  /** Those to show now: of fields that were filled in, or of all after a try. */
  problems: FieldProblems;
  onChange: (patch: Partial<AssetForm>) => void;
}

function listed(problems: FieldProblems, field: AssetField): string[] {
  const problem = problems[field];
  return problem === undefined ? [] : [problem];
}

export function AboutFields({ form, problems, onChange }: PartProps) {
  return (
    <fieldset className={styles.group}>
      <legend>What it is</legend>
      <div className={styles.pair}>
        <SelectField
          label="Kind"
          value={form.kind}
          options={[
            { value: "dataset", text: "dataset" },
            { value: "algorithm", text: "algorithm" },
          ]}
          problems={listed(problems, "kind")}
          onChange={(kind) => onChange({ kind: kind as AssetForm["kind"] })}
        />
        <TextField label="Name" value={form.name} problems={listed(problems, "name")} onChange={(name) => onChange({ name })} />
      </div>
      <TextField
        label="Description"
        rows={3}
        value={form.description}
        problems={listed(problems, "description")}
        onChange={(description) => onChange({ description })}
      />
      <div className={styles.pair}>
        <TextField label="Author" value={form.author} problems={listed(problems, "author")} onChange={(author) => onChange({ author })} />
        <TextField label="License" value={form.license} problems={listed(problems, "license")} onChange={(license) => onChange({ license })} />
      </div>
      <TextField
        label="Tags"
        value={form.tags}
        hint="Divided by commas."
        problems={listed(problems, "tags")}
        onChange={(tags) => onChange({ tags })}
      />
    </fieldset>
  );
}

export function ContainerFields({ form, problems, onChange }: PartProps) {
  return (
    <fieldset className={styles.group}>
      <legend>What it runs in</legend>
      <div className={styles.pair}>
        <TextField label="Image" isCode value={form.image} problems={listed(problems, "image")} onChange={(image) => onChange({ image })} />
        <TextField
          label="Tag of the image"
          isCode
          value={form.imageTag}
          problems={listed(problems, "imageTag")}
          onChange={(imageTag) => onChange({ imageTag })}
        />
      </div>
      <TextField
        label="Checksum of the image"
        isCode
        value={form.checksum}
        placeholder="sha256:…"
        hint={`Its digest, so that nobody can exchange the image: docker buildx imagetools inspect ${form.image}:${form.imageTag} shows it.`}
        problems={listed(problems, "checksum")}
        onChange={(checksum) => onChange({ checksum: checksum.trim() })}
      />
      <TextField
        label="Entrypoint"
        isCode
        value={form.entrypoint}
        hint="$ALGO is the file with the code."
        problems={listed(problems, "entrypoint")}
        onChange={(entrypoint) => onChange({ entrypoint })}
      />
    </fieldset>
  );
}

export function UseFields({ form, problems, onChange }: PartProps) {
  return (
    <fieldset className={styles.group}>
      <legend>How it may be used</legend>
      <div className={styles.pair}>
        <SelectField
          label="Service"
          value={form.service}
          options={[
            { value: "compute", text: "compute (for jobs)" },
            { value: "access", text: "access (for download)" },
          ]}
          problems={listed(problems, "service")}
          onChange={(service) => onChange({ service: service as AssetForm["service"] })}
        />
        <SelectField
          label="An order is good"
          value={String(form.timeoutSeconds)}
          options={TIMEOUTS.map(({ seconds, text }) => ({ value: String(seconds), text }))}
          problems={listed(problems, "timeoutSeconds")}
          onChange={(seconds) => onChange({ timeoutSeconds: Number(seconds) })}
        />
      </div>
      {form.kind === "dataset" && form.service === "compute" && <TrustFields form={form} problems={problems} onChange={onChange} />}
    </fieldset>
  );
}

function TrustFields({ form, problems, onChange }: PartProps) {
  const { trusted } = form;
  return (
    <>
      <span className="df-label">Algorithms that may run on it</span>
      {trusted.map((did, index) => (
        // By place: one that was just added has no DID.
        <div className={styles.trusted} key={index}>
          <DidPicker
            label={`Trusted algorithm ${index + 1}`}
            kind="algorithm"
            did={did}
            oceanNode={form.oceanNode ?? OCEAN_NODE_DEFAULT}
            hint="It is trusted as it is now: a new version has to be trusted anew."
            onChange={(next) => onChange({ trusted: trusted.map((one, at) => (at === index ? next : one)) })}
          />
          <Button
            look="plain"
            aria-label={`Remove trusted algorithm ${index + 1}`}
            onClick={() => onChange({ trusted: trusted.filter((_, at) => at !== index) })}
          >
            ✕
          </Button>
        </div>
      ))}
      {problems.trusted && <p className="df-error">{problems.trusted}</p>}
      <div>
        <Button onClick={() => onChange({ trusted: [...trusted, ""] })}>Trust an algorithm</Button>
      </div>
      {trusted.length === 0 && !form.allowsInline && (
        <p className="df-hint">None is trusted: nobody's job runs on it until you publish it anew.</p>
      )}
      <CheckField
        label="Also code that is no published algorithm: it can read all of it"
        value={form.allowsInline}
        onChange={(allowsInline) => onChange({ allowsInline })}
      />
    </>
  );
}

export function PriceFields({ form, problems, onChange }: PartProps) {
  return (
    <fieldset className={styles.group}>
      <legend>What an order costs</legend>
      <SelectField
        label="Price"
        value={form.price}
        options={[
          { value: "free", text: "free: a dispenser gives a datatoken to whoever asks" },
          { value: "fixed_rate", text: "a fixed rate" },
          { value: "none", text: "not for sale: you give out datatokens yourself" },
        ]}
        hint="It stays as it is when a new version is published."
        problems={listed(problems, "price")}
        onChange={(price) => onChange({ price: price as AssetForm["price"] })}
      />
      {form.price === "fixed_rate" && (
        <div className={styles.pair}>
          <TextField
            label="Amount"
            value={form.amount}
            hint="In whole tokens, such as 5 or 0.25."
            problems={listed(problems, "amount")}
            onChange={(amount) => onChange({ amount: amount.trim() })}
          />
          <TextField
            label="Token"
            isCode
            value={form.token}
            placeholder="0x…"
            hint="Its address; left empty, Ocean's own on the chain."
            problems={listed(problems, "token")}
            onChange={(token) => onChange({ token: token.trim() })}
          />
        </div>
      )}
    </fieldset>
  );
}

export function WhoFields({ form, problems, onChange }: PartProps) {
  return (
    <fieldset className={styles.group}>
      <legend>Who publishes it, and where</legend>
      <div className={styles.pair}>
        <WalletPicker
          mustPay
          value={form.wallet}
          problems={listed(problems, "wallet")}
          onChange={(wallet) => onChange({ wallet })}
        />
        <OceanNodePicker
          value={form.oceanNode}
          problems={listed(problems, "oceanNode")}
          onChange={(oceanNode) => onChange({ oceanNode })}
        />
      </div>
      <p className="df-hint">The wallet pays the gas of two transactions and owns the asset. The Ocean Node indexes it and serves its files.</p>
    </fieldset>
  );
}
