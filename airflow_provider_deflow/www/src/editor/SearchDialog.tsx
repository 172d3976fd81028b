// SPDX-License-Identifier: Apache-2.0
// Find a box by its name, its image or a word of its code, and go there.
import { useId, useState } from "react";
import { type GraphDocument, nodeTitle } from "../graph/document";
import { search } from "../graph/search";
import { Dialog } from "../ui/Dialog";
import styles from "./editor.module.css";

interface Props {
  document: GraphDocument;
  onGo: (nodeId: string) => void;
  onClose: () => void;
}

const MOST = 50;

export function SearchDialog({ document, onGo, onClose }: Props) {
  const [query, setQuery] = useState("");
  const id = useId();
  const found = search(document, query);
  const first = found[0];
  return (
    <Dialog title="Find a box" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (first) onGo(first.id);
        }}
      >
        <label htmlFor={id} className="df-label">
          Name, image, DID or a word of the code
        </label>
        <input
          id={id}
          className="df-input"
          type="search"
          autoFocus
          autoComplete="off"
          value={query}
          onChange={(event) => setQuery(event.target.value)}
        />
      </form>
      <ul className={styles.found}>
        {found.slice(0, MOST).map((node) => (
          <li key={node.id}>
            <button type="button" onClick={() => onGo(node.id)}>
              {nodeTitle(node)} <span className="df-hint">{node.id}</span>
            </button>
          </li>
        ))}
      </ul>
      <p className="df-hint" role="status">
        {query ? `${found.length} of ${document.nodes.length} boxes` : `${document.nodes.length} boxes`}
      </p>
    </Dialog>
  );
}
