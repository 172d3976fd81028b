// SPDX-License-Identifier: Apache-2.0
// A file that an Ocean Node fetches: by URL, IPFS, Arweave, FTP, S3 or out of one of its buckets.
import type { FileObject, Problem } from "../graph/document";
import { SelectField, TextField } from "./Field";
import { messagesAt } from "./fieldProblems";
import { emptyFile, FILE_KINDS, textAt, withTextAt } from "./fileObject";

interface Props {
  file: FileObject;
  prefix: string;
  problems: readonly Problem[];
  onChange: (file: FileObject, coalesce?: string) => void;
}

export function FileFields({ file, prefix, problems, onChange }: Props) {
  const kind = FILE_KINDS[file.type];
  const exact = problems.filter((problem) => problem.where === prefix).map((problem) => problem.message);
  return (
    <>
      <SelectField
        label="Where the file is"
        value={file.type}
        options={Object.entries(FILE_KINDS).map(([value, { name }]) => ({ value, text: name }))}
        problems={exact}
        onChange={(type) => onChange(emptyFile(type as FileObject["type"]))}
      />
      {kind?.fields.map(({ keys, label, placeholder }) => (
        <TextField
          key={`${file.type} ${keys.join(".")}`}
          label={label}
          isCode
          value={textAt(file, keys)}
          {...(placeholder !== undefined && { placeholder })}
          problems={messagesAt(problems, [prefix, ...keys].join("."))}
          onChange={(text) => onChange(withTextAt(file, keys, text), `file ${keys.join(".")}`)}
        />
      ))}
      {file.type === "s3" && (
        <p className="df-hint">
          These keys are saved in the graph, where everyone who may read it can see them. A signed URL that expires is
          safer.
        </p>
      )}
    </>
  );
}
