// SPDX-License-Identifier: Apache-2.0
/** The beginning of a csv or tsv file as rows of cells (RFC 4180, and semicolons as spreadsheets write them). */

export interface Table {
  header: string[];
  rows: string[][];
  /** Whether the file holds more than is here. */
  isCut: boolean;
}

export interface TableLimits {
  rows: number;
  columns: number;
}

/** `text` as a table; `isWhole` is false when the text is only the file's beginning. */
export function readTable(text: string, isWhole: boolean, limits: TableLimits = { rows: 100, columns: 40 }): Table {
  const body = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const records = parse(body, delimiterOf(body), limits.rows + 2);
  // The last record of a beginning may be half a record.
  if (!isWhole && records.length > 1 && records.length < limits.rows + 2) records.pop();
  const [header = [], ...rows] = records;
  const isWide = records.some((record) => record.length > limits.columns);
  const narrow = (record: string[]) => record.slice(0, limits.columns);
  return {
    header: narrow(header),
    rows: rows.slice(0, limits.rows).map(narrow),
    isCut: !isWhole || rows.length > limits.rows || isWide,
  };
}

function delimiterOf(text: string): string {
  const end = text.search(/[\r\n]/);
  const line = end < 0 ? text : text.slice(0, end);
  let best = ",";
  let most = 0;
  for (const candidate of [",", ";", "\t"]) {
    const count = line.split(candidate).length - 1;
    if (count > most) [best, most] = [candidate, count];
  }
  return best;
}

function parse(text: string, delimiter: string, atMost: number): string[][] {
  const records: string[][] = [];
  let record: string[] = [];
  let cell = "";
  let isQuoted = false;
  const endRecord = () => {
    record.push(cell);
    // An empty line holds no record.
    if (record.length > 1 || cell !== "") records.push(record);
    record = [];
    cell = "";
  };
  for (let at = 0; at < text.length && records.length < atMost; at += 1) {
    const character = text.charAt(at);
    if (isQuoted) {
      if (character !== '"') cell += character;
      else if (text.charAt(at + 1) === '"') {
        cell += '"';
        at += 1;
      } else isQuoted = false;
    } else if (character === '"' && cell === "") isQuoted = true;
    else if (character === delimiter) {
      record.push(cell);
      cell = "";
    } else if (character === "\n" || character === "\r") {
      if (character === "\r" && text.charAt(at + 1) === "\n") at += 1;
      endRecord();
    } else cell += character;
  }
  if (records.length < atMost && (cell !== "" || record.length > 0)) endRecord();
  return records;
}
