// SPDX-License-Identifier: Apache-2.0
// The name and the slug of a graph to be; the slug follows the name until somebody writes one.
import { TextField } from "../panels/Field";
import { slugFrom, slugProblem } from "./slug";

export interface Named {
  name: string;
  /** null = the one that the name suggests. */
  slug: string | null;
}

export function slugOf(named: Named): string {
  return named.slug ?? slugFrom(named.name);
}

interface Props {
  named: Named;
  onChange: (named: Named) => void;
  /** Shown before the first try only where something was typed. */
  wasTried: boolean;
  /** The server's, such as that the slug is taken. */
  refusal?: string | null;
}

export function SlugFields({ named, onChange, wasTried, refusal = null }: Props) {
  const slug = slugOf(named);
  const problem = slug !== "" || wasTried ? slugProblem(slug) : null;
  return (
    <>
      <TextField label="Name" value={named.name} onChange={(name) => onChange({ ...named, name })} />
      <TextField
        label="Slug"
        isCode
        value={slug}
        hint={slug === "" ? "Names the Dag, and never changes." : `Its Dag is deflow_${slug}. This never changes.`}
        problems={[problem, refusal].filter((one): one is string => one !== null)}
        onChange={(text) => onChange({ ...named, slug: text === "" ? null : text })}
      />
    </>
  );
}
