// SPDX-License-Identifier: Apache-2.0
// What a node runs: code written here, a file that the Ocean Node fetches, or a published algorithm.
import { useId } from "react";
import { DidPicker } from "../assets/DidPicker";
import { PublishNew } from "../assets/PublishNew";
import { type Algorithm, type CodeAlgorithm, DEFAULT_ENTRYPOINT, DEFAULT_IMAGE, type FileAlgorithm, isCode, isDid, isFile, type Problem } from "../graph/document";
import { CodeEditor } from "./CodeEditor";
import { TextField } from "./Field";
import { FileFields } from "./FileFields";
import { patched } from "./edits";
import { messagesAt } from "./fieldProblems";
import styles from "./panels.module.css";

type Source = "code" | "file" | "did";

const SOURCES: readonly { source: Source; text: string }[] = [
  { source: "code", text: "Code" },
  { source: "file", text: "File" },
  { source: "did", text: "DID" },
];

interface Props {
  algorithm: Algorithm;
  /** Whose index is searched for published algorithms. */
  oceanNode: string;
  prefix: string;
  problems: readonly Problem[];
  mayEdit: boolean;
  onChange: (algorithm: Algorithm, coalesce?: string) => void;
}

export function AlgorithmFields({ algorithm, oceanNode, prefix, problems, mayEdit, onChange }: Props) {
  const name = useId();
  const source = sourceOf(algorithm);
  return (
    <>
      <fieldset className={styles.choice} aria-label="Where the algorithm comes from">
        {SOURCES.map((one) => (
          <label key={one.source}>
            <input
              type="radio"
              name={name}
              checked={source === one.source}
              onChange={() => onChange(changedTo(one.source, algorithm))}
            />
            {one.text}
          </label>
        ))}
      </fieldset>
      {isDid(algorithm) && (
        <>
          <DidPicker
            label="Published algorithm"
            kind="algorithm"
            did={algorithm.did}
            oceanNode={oceanNode}
            hint="Search, or paste a DID. It brings its own image and entrypoint."
            problems={messagesAt(problems, `${prefix}.did`)}
            onChange={(did, coalesce) => onChange({ did }, coalesce)}
          />
          {mayEdit && (
            <div className={styles.buttons}>
              <PublishNew kind="algorithm" oceanNode={oceanNode} onUse={(did) => onChange({ did })} />
            </div>
          )}
        </>
      )}
      {isFile(algorithm) && (
        <FileFields
          file={algorithm.file}
          prefix={`${prefix}.file`}
          problems={problems}
          onChange={(file, coalesce) => onChange({ ...algorithm, file }, coalesce)}
        />
      )}
      {isCode(algorithm) && (
        <CodeEditor
          label="Code"
          code={algorithm.code}
          entrypoint={algorithm.entrypoint ?? DEFAULT_ENTRYPOINT}
          mayEdit={mayEdit}
          problems={messagesAt(problems, `${prefix}.code`)}
          onChange={(code) => onChange({ ...algorithm, code }, "code")}
        />
      )}
      {!isDid(algorithm) && (
        <>
          <TextField
            label="Image"
            isCode
            value={algorithm.image ?? ""}
            placeholder={DEFAULT_IMAGE}
            hint="A container image with its tag or checksum."
            problems={messagesAt(problems, `${prefix}.image`)}
            onChange={(image) => onChange(withText(algorithm, "image", image), "image")}
          />
          <TextField
            label="Entrypoint"
            isCode
            value={algorithm.entrypoint ?? ""}
            placeholder={DEFAULT_ENTRYPOINT}
            hint="$ALGO is the file with the code."
            problems={messagesAt(problems, `${prefix}.entrypoint`)}
            onChange={(entrypoint) => onChange(withText(algorithm, "entrypoint", entrypoint), "entrypoint")}
          />
        </>
      )}
    </>
  );
}

function sourceOf(algorithm: Algorithm): Source {
  if (isDid(algorithm)) return "did";
  return isFile(algorithm) ? "file" : "code";
}

function changedTo(source: Source, from: Algorithm): Algorithm {
  const kept = isDid(from)
    ? {}
    : { ...(from.image && { image: from.image }), ...(from.entrypoint && { entrypoint: from.entrypoint }) };
  if (source === "did") return { did: "" };
  return source === "file" ? { file: { type: "url", url: "" }, ...kept } : { code: "", ...kept };
}

// An emptied field means the default, and the default is said by leaving the key out.
function withText(algorithm: CodeAlgorithm | FileAlgorithm, key: "image" | "entrypoint", text: string): Algorithm {
  return patched(algorithm, { [key]: text === "" ? undefined : text });
}
