// SPDX-License-Identifier: Apache-2.0
// Drawings to begin with; one that is chosen becomes a graph of one's own.
import { useId, useState } from "react";
import { api } from "../api/client";
import type { Template } from "../api/types";
import { useLoaded } from "../panels/useLoaded";
import { Failure, Loading } from "../ui/Message";
import styles from "./list.module.css";
import { MakeDialog } from "./MakeDialog";
import { type Named, SlugFields, slugOf } from "./SlugFields";
import { slugProblem } from "./slug";
import { useMaking } from "./useMaking";

interface Props {
  onClose: () => void;
  onMade: (slug: string) => void;
}

export function TemplatesDialog({ onClose, onMade }: Props) {
  const form = useId();
  const listing = useLoaded("templates", api.listTemplates);
  const [chosen, setChosen] = useState<Template | null>(null);
  const [named, setNamed] = useState<Named>({ name: "", slug: null });
  const making = useMaking();
  const slug = slugOf(named);
  const make = () =>
    making.send(chosen !== null && slugProblem(slug) === null, async () => {
      if (chosen === null) return;
      await api.createGraph({ ...chosen.document, slug, name: named.name });
      onMade(slug);
    });
  return (
    <MakeDialog title="Begin with a template" verb="Use it" form={form} making={making} isReady={chosen !== null} onClose={onClose} onSubmit={make}>
      {listing.error ? <Failure error={listing.error} onRetry={listing.reload} /> : null}
      {!listing.error && listing.value === null && <Loading what="the templates" />}
      {listing.value?.templates.length === 0 && <p>This DeFlow has no templates.</p>}
      <fieldset className={styles.templates} aria-label="Templates">
        {listing.value?.templates.map((template) => (
          <label key={template.slug}>
            <input
              type="radio"
              name={form}
              checked={chosen === template}
              onChange={() => {
                setChosen(template);
                setNamed({ name: template.name, slug: template.slug });
              }}
            />
            <span>
              <strong>{template.name || template.slug}</strong>
              <span className="df-hint">
                {template.description} {counted(template.document.nodes.length, "box", "boxes")},{" "}
                {counted(template.document.edges.length, "arrow", "arrows")}.
              </span>
            </span>
          </label>
        ))}
      </fieldset>
      {chosen && <SlugFields named={named} onChange={setNamed} wasTried={making.wasTried} refusal={making.slugRefusal} />}
    </MakeDialog>
  );
}

function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
