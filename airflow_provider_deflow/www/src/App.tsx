// SPDX-License-Identifier: Apache-2.0
// Which page is shown. In the navigation the address decides; on a tab of a Dag or a run, Airflow says which.
import "@xyflow/react/dist/style.css";
import "./ui/theme.css";
import { Editor } from "./editor/Editor";
import { ListPage } from "./list/ListPage";
import { type Place, usePlace } from "./routes";
import { RunView } from "./run/RunView";
import { Message } from "./ui/Message";
import { useColorMode } from "./ui/colorMode";

export interface HostProps {
  dagId?: string;
  runId?: string;
  taskId?: string;
  mapIndex?: string;
}

const DAG_PREFIX = "deflow_";
// DeFlow's own, of no drawing.
const OWN_DAGS: readonly string[] = ["deflow_upkeep", "deflow_publish"];

function placeOnTab({ dagId, runId }: HostProps): Place | null {
  if (!dagId) return null;
  if (!dagId.startsWith(DAG_PREFIX) || OWN_DAGS.includes(dagId)) return { page: "nowhere" };
  const slug = dagId.slice(DAG_PREFIX.length);
  return runId ? { page: "run", slug, runId } : { page: "graph", slug };
}

export function App(props: HostProps) {
  const mode = useColorMode();
  const address = usePlace();
  const place = placeOnTab(props) ?? address;
  return (
    <div className="deflow" data-mode={mode}>
      <Page place={place} isTab={props.dagId !== undefined} />
    </div>
  );
}

function Page({ place, isTab }: { place: Place; isTab: boolean }) {
  switch (place.page) {
    case "list":
      return <ListPage />;
    case "graph":
      return <Editor key={place.slug} slug={place.slug} />;
    case "run":
      return <RunView key={`${place.slug}/${place.runId}`} slug={place.slug} runId={place.runId} />;
    case "nowhere":
      return isTab ? (
        <Message title="Not drawn in DeFlow">This Dag was written as code, so there is no drawing of it.</Message>
      ) : (
        <Message title="There is nothing here">The address names no page of DeFlow.</Message>
      );
  }
}
