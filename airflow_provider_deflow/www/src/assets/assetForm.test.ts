// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";
import { type AssetForm, emptyForm, problemsOf, refusedAt, requestOf, tagsOf } from "./assetForm";

const DID = `did:op:${"a".repeat(64)}`;
const filled = (patch: Partial<AssetForm> = {}): AssetForm => ({
  ...emptyForm(), name: "Patients", description: "All of them.", author: "Ada", license: "CC-BY",
  files: [{ kind: "url", url: "https://example.com/patients.csv" }], ...patch,
});

test("an empty form says what is needed, a filled one nothing", () => {
  expect(Object.keys(problemsOf(emptyForm())).sort()).toEqual(["author", "description", "files", "name"]);
  expect(problemsOf(filled())).toEqual({});
  expect(problemsOf(filled({ name: "  " }))).toEqual({ name: "is needed" });
});

test("an algorithm is one file, a dataset one or more", () => {
  const files = [{ kind: "url", url: "https://a/1" }, { kind: "upload", sha256: "0", name: "b", size: 1 }] as const;
  expect(problemsOf(filled({ files, kind: "algorithm" }))).toHaveProperty("files");
  expect(problemsOf(filled({ files }))).toEqual({});
  expect(problemsOf(filled({ files: [] }))).toHaveProperty("files");
});

test("a file's address is one of the web", () => {
  for (const url of ["", "example.com", "file:///etc/passwd", "https://", "https://a b"]) {
    expect(problemsOf(filled({ files: [{ kind: "url", url }] })), url).toHaveProperty("files");
  }
});

test("a fixed rate needs an amount, and takes a token's address", () => {
  expect(problemsOf(filled({ price: "fixed_rate", amount: "0.0" }))).toHaveProperty("amount");
  expect(problemsOf(filled({ price: "fixed_rate", amount: "1e3" }))).toHaveProperty("amount");
  expect(problemsOf(filled({ price: "fixed_rate", amount: "2.5", token: "OCEAN" }))).toHaveProperty("token");
  expect(problemsOf(filled({ price: "fixed_rate", amount: "2.5", token: `0x${"1".repeat(40)}` }))).toEqual({});
  expect(problemsOf(filled({ price: "free", amount: "nonsense" }))).toEqual({});
});

test("an algorithm says what it runs in, a dataset whom it trusts", () => {
  const wrong = { image: "", entrypoint: "python", checksum: "latest", trusted: ["an algorithm"] };
  expect(Object.keys(problemsOf(filled({ ...wrong, kind: "algorithm" }))).sort()).toEqual(["checksum", "entrypoint", "image"]);
  expect(Object.keys(problemsOf(filled(wrong)))).toEqual(["trusted"]);
  expect(problemsOf(filled({ trusted: [DID] }))).toEqual({});
});

test("tags are divided by commas, each once", () => {
  expect(tagsOf("health, , csv,health")).toEqual(["health", "csv"]);
});

test("what is sent has what the form asks for, and nothing of what it hides", () => {
  const dataset = requestOf(filled({ image: "typed before", amount: "3", trusted: [DID, ""], tags: "a, b" }));
  expect(dataset).toMatchObject({ ocean_node: "ocean_node_default", wallet: "ocean_wallet_default", tags: ["a", "b"] });
  expect(dataset.price).toEqual({ kind: "free" });
  expect(dataset.trusted_algorithms).toEqual([DID]);
  expect(dataset).not.toHaveProperty("algorithm");

  const files = [{ kind: "upload", sha256: "5".repeat(64), name: "a.py", size: 3 }] as const;
  const algorithm = requestOf(filled({ kind: "algorithm", files, checksum: "sha256:0", trusted: [DID], price: "fixed_rate", amount: "2.5" }));
  expect(algorithm.files).toEqual([{ upload: { sha256: "5".repeat(64), name: "a.py" } }]);
  expect(algorithm.price).toEqual({ kind: "fixed_rate", amount: "2.5" });
  expect(algorithm.algorithm).toMatchObject({ image: "python", tag: "3.12-slim" });
  expect(algorithm).not.toHaveProperty("trusted_algorithms");
});

test("the server's refusals stand at the fields they are about", () => {
  const at = (where: string) => ({ code: "x", where, message: `wrong: ${where}` });
  const { fields, others } = refusedAt([at("files[0].url"), at("price.amount"), at("algorithm.tag"), at("algorithm"), at("chain")]);
  expect(fields).toEqual({
    files: "wrong: files[0].url", amount: "wrong: price.amount", imageTag: "wrong: algorithm.tag", image: "wrong: algorithm",
  });
  expect(others).toEqual(["chain: wrong: chain"]);
});
