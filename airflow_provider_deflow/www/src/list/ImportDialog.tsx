// SPDX-License-Identifier: Apache-2.0
// Brings in another program's drawing: choose a file or paste its text, look at what it becomes, then save.
import { useId, useRef, useState } from "react";
import { api } from "../api/client";
import type { GraphDocument, Problem } from "../graph/document";
import { TextField } from "../panels/Field";
import { Button } from "../ui/Button";
import { type Drawing, FORM_NAMES, readDrawing } from "./importing";
import styles from "./list.module.css";
import { MakeDialog } from "./MakeDialog";
import { type Named, SlugFields, slugOf } from "./SlugFields";
import { slugProblem } from "./slug";
import { useMaking } from "./useMaking";

interface Props {
  onClose: () => void;
  onMade: (slug: string) => void;
}

interface Result {
  slug: string;
  document: GraphDocument;
  problems: readonly Problem[];
  remarks: readonly Problem[];
}

export function ImportDialog({ onClose, onMade }: Props) {
  const form = useId();
  const chooser = useRef<HTMLInputElement>(null);
  const [text, setText] = useState("");
  const [named, setNamed] = useState<Named>({ name: "", slug: null });
  const [result, setResult] = useState<Result | null>(null);
  const making = useMaking();
  const read = readDrawing(text);
  const drawing = typeof read === "string" ? null : read;
  const slug = slugOf(named);
  const isLookedAt = result !== null && result.slug === slug;

  const take = (next: string, fileName = "") => {
    setText(next);
    setResult(null);
    const found = readDrawing(next, fileName);
    if (typeof found !== "string") setNamed({ name: found.suggestedName, slug: found.suggestedSlug || null });
  };
  const submit = () =>
    making.send(drawing !== null && slugProblem(slug) === null, async () => {
      if (drawing === null) return;
      if (!isLookedAt) {
        // First look: what it becomes, and what is wrong with it. Nothing is saved.
        setResult({ slug, ...(await look(drawing, slug)) });
        return;
      }
      const name = named.name || result.document.name || "";
      await api.createGraph({ ...result.document, slug, name });
      onMade(slug);
    });
  return (
    <MakeDialog
      title="Import a drawing"
      verb={isLookedAt ? "Save it" : "Look at it"}
      form={form}
      making={making}
      isReady={drawing !== null}
      wide
      onClose={onClose}
      onSubmit={submit}
    >
      <p>A document of the original DeFlow, a React Flow drawing, or a graph exported from here.</p>
      <div>
        <Button onClick={() => chooser.current?.click()}>Choose a file</Button>
        <input
          ref={chooser}
          type="file"
          accept=".json,application/json"
          hidden
          aria-label="JSON file to import"
          onChange={(event) => {
            const file = event.target.files?.[0];
            event.target.value = "";
            if (file) void file.text().then((content) => take(content, file.name));
          }}
        />
      </div>
      <TextField
        label="Or paste its JSON"
        rows={result === null ? 10 : 4}
        isCode
        value={text}
        problems={text === "" || typeof read !== "string" ? [] : [read]}
        hint={drawing ? `This is ${FORM_NAMES[drawing.form]} with ${(drawing.document.nodes as unknown[]).length} nodes.` : undefined}
        onChange={(next) => take(next)}
      />
      {drawing && <SlugFields named={named} onChange={setNamed} wasTried={making.wasTried} refusal={making.slugRefusal} />}
      {result !== null && isLookedAt && <Looked result={result} />}
    </MakeDialog>
  );
}

async function look({ form, document }: Drawing, slug: string): Promise<Omit<Result, "slug">> {
  const imported = await api.importDocument(form, document, slug);
  return { document: imported.document, problems: imported.problems, remarks: imported.remarks };
}

function Looked({ result }: { result: Result }) {
  const { document, problems, remarks } = result;
  return (
    <section className={styles.looked} aria-label="What it becomes" aria-live="polite">
      <strong>
        {document.nodes.length} nodes, {document.edges.length} edges.{" "}
        {problems.length === 0
          ? "It has no problems."
          : `${problems.length} ${problems.length === 1 ? "problem" : "problems"} to put right before it can be published:`}
      </strong>
      <Places problems={problems} isWrong />
      {remarks.length > 0 && <strong>What was changed or left out:</strong>}
      <Places problems={remarks} />
    </section>
  );
}

function Places({ problems, isWrong = false }: { problems: readonly Problem[]; isWrong?: boolean }) {
  if (problems.length === 0) return null;
  return (
    <ul className={isWrong ? "df-error" : "df-hint"}>
      {problems.map(({ where, code, message }) => (
        <li key={`${where} ${code} ${message}`}>
          <code>{where}</code> {message}
        </li>
      ))}
    </ul>
  );
}
