// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { emptyFile, textAt, withTextAt } from "./fileObject";
import { languageOf } from "./language";

test("an S3 file is written the way an Ocean Node reads it", () => {
  const file = withTextAt(emptyFile("s3"), ["s3Access", "bucket"], "data");
  expect(file).toEqual({
    type: "s3",
    s3Access: { endpoint: "", bucket: "data", objectKey: "", accessKeyId: "", secretAccessKey: "" },
  });
  expect(textAt(file, ["s3Access", "bucket"])).toBe("data");
});

test("other keys of a file object are kept", () => {
  const file = { type: "url", url: "https://a", headers: { accept: "text/csv" } } as const;
  expect(withTextAt(file, ["url"], "https://b")).toEqual({ type: "url", url: "https://b", headers: { accept: "text/csv" } });
});

test("a half-filled file object shows empty fields", () => {
  expect(textAt({ type: "s3" }, ["s3Access", "bucket"])).toBe("");
});

test("code is coloured by what runs it", () => {
  expect(["python $ALGO", "/usr/bin/python3.11 -u $ALGO", "node $ALGO", "Rscript $ALGO", ""].map(languageOf)).toEqual([
    "python", "python", "javascript", "other", "other",
  ]);
});
