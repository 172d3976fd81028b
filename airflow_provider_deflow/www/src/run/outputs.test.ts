// SPDX-License-Identifier: Apache-2.0
import { expect, test } from "vitest";

import { IMAGE_BYTES, imageType, previewKind, sizeText } from "./preview";
import { readTable } from "./table";

test("a table, an image and a text are shown, the rest is only downloaded", () => {
  const kinds = ["a.CSV", "b.tsv", "c.png", "d.json", "README", "model.bin", "x.tar.gz"];
  expect(kinds.map((name) => previewKind(name, 10))).toEqual(["table", "table", "image", "text", "text", "none", "none"]);
});

test("neither an empty file nor a huge image is fetched to be looked at", () => {
  expect(previewKind("a.csv", 0)).toBe("none");
  expect(previewKind("a.png", IMAGE_BYTES + 1)).toBe("none");
});

test("a file that only says it is an image is shown as one by its name alone", () => {
  expect(imageType("plot.JPG")).toBe("image/jpeg");
  expect(imageType("page.html")).toBe("application/octet-stream");
});

test("a size is shown with its unit", () => {
  expect([0, 999, 1000, 12_345, 999_960, 4e9].map(sizeText)).toEqual(["0 B", "999 B", "1 kB", "12.3 kB", "1 MB", "4 GB"]);
});

test("quoted cells may hold delimiters, quotes and lines", () => {
  expect(readTable('name,says\r\n"Doe, Jane","""hi""\nthere"\r\n', true)).toEqual({
    header: ["name", "says"],
    rows: [["Doe, Jane", '"hi"\nthere']],
    isCut: false,
  });
});

test("semicolons and tabs divide where the first line says so", () => {
  expect(readTable("a;b\n1,5;2\n", true).rows).toEqual([["1,5", "2"]]);
  expect(readTable("a\tb\n1\t2", true).rows).toEqual([["1", "2"]]);
});

test("the half record at the end of a beginning is left out", () => {
  const table = readTable("a,b\n1,2\n3,", false);
  expect(table.rows).toEqual([["1", "2"]]);
  expect(table.isCut).toBe(true);
});

test("a long or wide file is cut, and says so", () => {
  const long = readTable("a\n1\n2\n3\n", true, { rows: 2, columns: 5 });
  expect(long).toEqual({ header: ["a"], rows: [["1"], ["2"]], isCut: true });
  const wide = readTable("a,b,c\n1,2,3\n", true, { rows: 2, columns: 2 });
  expect(wide).toEqual({ header: ["a", "b"], rows: [["1", "2"]], isCut: true });
});

test("a file without any record has an empty header", () => {
  expect(readTable("\n\n", true)).toEqual({ header: [], rows: [], isCut: false });
});
