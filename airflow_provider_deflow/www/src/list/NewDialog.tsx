// SPDX-License-Identifier: Apache-2.0
// A new, empty graph.
import { useId, useState } from "react";
import { api } from "../api/client";
import { emptyDocument } from "../graph/document";
import { MakeDialog } from "./MakeDialog";
import { type Named, SlugFields, slugOf } from "./SlugFields";
import { slugProblem } from "./slug";
import { useMaking } from "./useMaking";

interface Props {
  onClose: () => void;
  onMade: (slug: string) => void;
}

export function NewDialog({ onClose, onMade }: Props) {
  const form = useId();
  const [named, setNamed] = useState<Named>({ name: "", slug: null });
  const making = useMaking();
  const slug = slugOf(named);
  const make = () =>
    making.send(slugProblem(slug) === null, async () => {
      await api.createGraph(emptyDocument(slug, named.name));
      onMade(slug);
    });
  return (
    <MakeDialog title="New graph" verb="Create" form={form} making={making} onClose={onClose} onSubmit={make}>
      <SlugFields named={named} onChange={setNamed} wasTried={making.wasTried} refusal={making.slugRefusal} />
    </MakeDialog>
  );
}
