// SPDX-License-Identifier: Apache-2.0
// A copy of a graph under another slug.
import { useId, useState } from "react";
import { api } from "../api/client";
import type { GraphSummary } from "../api/types";
import { MakeDialog } from "./MakeDialog";
import { type Named, SlugFields, slugOf } from "./SlugFields";
import { copySlug, slugProblem } from "./slug";
import { useMaking } from "./useMaking";

interface Props {
  graph: GraphSummary;
  taken: ReadonlySet<string>;
  onClose: () => void;
  onMade: (slug: string) => void;
}

export function DuplicateDialog({ graph, taken, onClose, onMade }: Props) {
  const form = useId();
  const [named, setNamed] = useState<Named>({
    name: `${graph.name || graph.slug} (copy)`,
    slug: copySlug(graph.slug, taken),
  });
  const making = useMaking();
  const slug = slugOf(named);
  const make = () =>
    making.send(slugProblem(slug) === null, async () => {
      await api.duplicateGraph(graph.slug, slug, named.name);
      onMade(slug);
    });
  return (
    <MakeDialog title={`Duplicate ${graph.name || graph.slug}`} verb="Duplicate" form={form} making={making} onClose={onClose} onSubmit={make}>
      <p>The copy begins with the drawing as it is now. It has no runs, and is not published.</p>
      <SlugFields named={named} onChange={setNamed} wasTried={making.wasTried} refusal={making.slugRefusal} />
    </MakeDialog>
  );
}
