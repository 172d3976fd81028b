// SPDX-License-Identifier: Apache-2.0
// All graphs that the user may see: search, page through, open; new, duplicate, delete, import, templates.
import { useEffect, useState } from "react";
import { api } from "../api/client";
import type { GraphSummary } from "../api/types";
import { AssetDialog } from "../assets/AssetDialog";
import { useLoaded } from "../panels/useLoaded";
import { paths, useGo } from "../routes";
import { useNow } from "../run/useRun";
import { Button } from "../ui/Button";
import { Failure, Loading, Message } from "../ui/Message";
import { useSettled } from "../ui/useSettled";
import { DeleteDialog } from "./DeleteDialog";
import { DuplicateDialog } from "./DuplicateDialog";
import { GraphTable } from "./GraphTable";
import { ImportDialog } from "./ImportDialog";
import styles from "./list.module.css";
import { NewDialog } from "./NewDialog";
import { TemplatesDialog } from "./TemplatesDialog";

const PAGE = 20;

type Open =
  | { dialog: "none" | "new" | "import" | "templates" | "asset" }
  | { dialog: "duplicate" | "delete"; graph: GraphSummary };

export function ListPage() {
  const go = useGo();
  const [typed, setTyped] = useState("");
  const search = useSettled(typed.trim(), 250);
  const [page, setPage] = useState(0);
  const [open, setOpen] = useState<Open>({ dialog: "none" });
  useEffect(() => setPage(0), [search]);
  const listing = useLoaded(`${search}\n${page}`, () =>
    api.listGraphs({ ...(search && { search }), limit: PAGE, offset: page * PAGE }),
  );
  const now = useNow(false);
  const graphs = listing.value?.graphs ?? [];
  const total = listing.value?.total ?? 0;
  const close = () => setOpen({ dialog: "none" });
  const show = (slug: string) => {
    close();
    go(paths.graph(slug));
  };
  const mayCreate = listing.value?.may_create ?? false;
  const isEmpty = listing.value !== null && total === 0 && search === "";
  return (
    <div className={styles.page}>
      <header className={styles.bar}>
        <h1>DeFlow</h1>
        <span className={styles.space} />
        {mayCreate && (
          <>
            <Button onClick={() => setOpen({ dialog: "asset" })}>Publish an asset</Button>
            <Button onClick={() => setOpen({ dialog: "templates" })}>Templates</Button>
            <Button onClick={() => setOpen({ dialog: "import" })}>Import</Button>
            <Button look="primary" onClick={() => setOpen({ dialog: "new" })}>
              New graph
            </Button>
          </>
        )}
      </header>
      {!isEmpty && (
        <div className={styles.tools}>
          <input
            className="df-input"
            type="search"
            aria-label="Search graphs"
            placeholder="Search by name, slug, owner or tag"
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
          <span className="df-hint" role="status">
            {listing.value === null ? "" : `${total} ${total === 1 ? "graph" : "graphs"}`}
          </span>
        </div>
      )}
      {listing.error ? (
        <Failure error={listing.error} onRetry={listing.reload} />
      ) : listing.value === null ? (
        <Loading what="the graphs" />
      ) : isEmpty ? (
        <Message
          title={mayCreate ? "Draw your first graph" : "There is no graph yet"}
          actions={
            mayCreate && (
              <>
                <Button look="primary" onClick={() => setOpen({ dialog: "new" })}>
                  New graph
                </Button>
                <Button onClick={() => setOpen({ dialog: "templates" })}>Begin with a template</Button>
                <Button onClick={() => setOpen({ dialog: "import" })}>Import a drawing</Button>
              </>
            )
          }
        >
          Each box is a job on an Ocean Node, next to the data. Each arrow carries its outputs to the next box. Airflow
          runs it.
        </Message>
      ) : graphs.length === 0 ? (
        <Message
          title="Nothing matches"
          role="status"
          actions={<Button onClick={() => setTyped("")}>Show all graphs</Button>}
        >
          No graph that you may see has “{search}” in it.
        </Message>
      ) : (
        <GraphTable
          graphs={graphs}
          nowMs={now}
          mayCreate={mayCreate}
          onOpen={show}
          onDuplicate={(graph) => setOpen({ dialog: "duplicate", graph })}
          onDelete={(graph) => setOpen({ dialog: "delete", graph })}
        />
      )}
      {total > PAGE && (
        <nav className={styles.paging} aria-label="Pages">
          <Button disabled={page === 0} onClick={() => setPage(page - 1)}>
            Previous
          </Button>
          <span>
            {page * PAGE + 1}–{Math.min(total, (page + 1) * PAGE)} of {total}
          </span>
          <Button disabled={(page + 1) * PAGE >= total} onClick={() => setPage(page + 1)}>
            Next
          </Button>
        </nav>
      )}
      {open.dialog === "new" && <NewDialog onClose={close} onMade={show} />}
      {open.dialog === "import" && <ImportDialog onClose={close} onMade={show} />}
      {open.dialog === "templates" && <TemplatesDialog onClose={close} onMade={show} />}
      {open.dialog === "asset" && <AssetDialog onClose={close} />}
      {open.dialog === "duplicate" && (
        <DuplicateDialog graph={open.graph} taken={new Set(graphs.map(({ slug }) => slug))} onClose={close} onMade={show} />
      )}
      {open.dialog === "delete" && (
        <DeleteDialog
          graph={open.graph}
          onClose={close}
          onDeleted={() => {
            close();
            listing.reload();
          }}
        />
      )}
    </div>
  );
}
