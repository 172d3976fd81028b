// SPDX-License-Identifier: Apache-2.0
// Opens one graph: reads it, then shows it to draw on.
import { useCallback, useEffect, useState } from "react";
import { api, ApiError } from "../api/client";
import type { GraphView } from "../api/types";
import { readDocument } from "../graph/reading";
import { paths, useGo } from "../routes";
import { Button } from "../ui/Button";
import { Failure, Loading, Message } from "../ui/Message";
import { Workbench } from "./Workbench";

function drawable(view: GraphView): GraphView {
  return { ...view, document: readDocument(view.document, view.slug) };
}

export function Editor({ slug }: { slug: string }) {
  const [view, setView] = useState<GraphView | null>(null);
  const [error, setError] = useState<unknown>(null);
  const go = useGo();
  const load = useCallback(() => {
    setError(null);
    api.readGraph(slug).then((found) => setView(drawable(found)), setError);
  }, [slug]);
  useEffect(load, [load]);
  if (error instanceof ApiError && error.status === 404)
    return (
      <Message
        title={`There is no graph “${slug}”`}
        role="alert"
        actions={<Button onClick={() => go(paths.list())}>All graphs</Button>}
      >
        It was deleted, or the address is mistyped.
      </Message>
    );
  if (error !== null) return <Failure error={error} onRetry={load} />;
  if (!view) return <Loading what="the graph" />;
  return <Workbench view={view} />;
}
