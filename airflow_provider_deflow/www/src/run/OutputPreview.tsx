// SPDX-License-Identifier: Apache-2.0
// The beginning of an output: text, a table, or an image. What an output says is never run: it is text or pixels.
import { useEffect, useState } from "react";
import type { OutputFile } from "../api/types";
import { IMAGE_BYTES, imageType, type PreviewKind, TEXT_BYTES } from "./preview";
import styles from "./run.module.css";
import { readTable } from "./table";

interface Props {
  url: string;
  file: OutputFile;
  kind: PreviewKind;
}

type Content = { text: string } | { image: string };

export function OutputPreview({ url, file, kind }: Props) {
  const [content, setContent] = useState<Content | null>(null);
  const [error, setError] = useState<string | null>(null);
  useEffect(() => {
    const leaving = new AbortController();
    let image: string | null = null;
    const load = async () => {
      const bytes = await beginning(url, kind === "image" ? IMAGE_BYTES : TEXT_BYTES, file.size, leaving.signal);
      if (kind === "image") {
        image = URL.createObjectURL(new Blob([bytes], { type: imageType(file.name) }));
        setContent({ image });
      } else setContent({ text: new TextDecoder().decode(bytes) });
    };
    load().catch((caught: unknown) => {
      if (!leaving.signal.aborted) setError(caught instanceof Error ? caught.message : String(caught));
    });
    return () => {
      leaving.abort();
      if (image !== null) URL.revokeObjectURL(image);
    };
  }, [url, kind, file.name, file.size]);

  if (error !== null) {
    return (
      <p className="df-error" role="alert">
        {error}
      </p>
    );
  }
  if (content === null) return <p className="df-hint">Loading …</p>;
  if ("image" in content) return <img className={styles.image} src={content.image} alt={file.name} />;
  const isWhole = file.size <= TEXT_BYTES;
  if (kind === "table") return <TableView text={content.text} isWhole={isWhole} name={file.name} />;
  return (
    <>
      <pre className={styles.text} tabIndex={0} aria-label={`Beginning of ${file.name}`}>
        {content.text}
      </pre>
      {!isWhole && <p className="df-hint">Only the beginning is shown. Download it to see all.</p>}
    </>
  );
}

function TableView({ text, isWhole, name }: { text: string; isWhole: boolean; name: string }) {
  const table = readTable(text, isWhole);
  return (
    <>
      <div className={styles.tableBox} tabIndex={0} role="region" aria-label={`Table ${name}`}>
        <table>
          <thead>
            <tr>
              {table.header.map((cell, index) => (
                <th key={index} scope="col">
                  {cell}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.rows.map((row, index) => (
              <tr key={index}>
                {row.map((cell, column) => (
                  <td key={column}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {table.isCut && <p className="df-hint">Only a part is shown. Download it to see all.</p>}
    </>
  );
}

async function beginning(url: string, atMost: number, size: number, signal: AbortSignal): Promise<ArrayBuffer> {
  const headers = size > atMost ? { range: `bytes=0-${atMost - 1}` } : undefined;
  const reply = await fetch(url, { signal, ...(headers && { headers }) });
  if (!reply.ok) throw new Error(`The file could not be read (status ${reply.status}).`);
  return reply.arrayBuffer();
}
