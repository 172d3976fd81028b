// SPDX-License-Identifier: Apache-2.0
/**
 * The form of a new asset as text, and what in it cannot be right.
 *
 * What only the server can know (whether a file is there, an image exists, a wallet has gas) it says after the
 * form is sent; here is what a person would otherwise be told after a minute.
 */

import type { NewAsset, Problem } from "../api/types";
import { isAmount, isZero } from "../money/amounts";
import { isWithin } from "../panels/fieldProblems";
import { OCEAN_NODE_DEFAULT, WALLET_DEFAULT } from "../panels/defaults";
import { isDidText } from "./did";

export type AssetFile = { kind: "url"; url: string } | { kind: "upload"; sha256: string; name: string; size: number };

export interface AssetForm {
  kind: NewAsset["kind"];
  name: string;
  description: string;
  author: string;
  license: string;
  /** Divided by commas. */
  tags: string;
  files: readonly AssetFile[];
  service: NonNullable<NewAsset["service"]>;
  timeoutSeconds: number;
  price: NonNullable<NonNullable<NewAsset["price"]>["kind"]>;
  amount: string;
  token: string;
  image: string;
  imageTag: string;
  /** The image's digest: what runs later is what runs now. */
  checksum: string;
  entrypoint: string;
  trusted: readonly string[];
  allowsInline: boolean;
  /** Connections of Airflow; null = the default one. */
  wallet: string | null;
  oceanNode: string | null;
}

export type AssetField = keyof AssetForm;
export type FieldProblems = Partial<Record<AssetField, string>>;

export const TIMEOUTS: readonly { seconds: number; text: string }[] = [
  { seconds: 3600, text: "an hour" },
  { seconds: 86_400, text: "a day" },
  { seconds: 604_800, text: "a week" },
  { seconds: 31_536_000, text: "a year" },
  { seconds: 0, text: "for ever" },
];

export function emptyForm(kind: AssetForm["kind"] = "dataset", oceanNode: string | null = null): AssetForm {
  return {
    kind,
    name: "",
    description: "",
    author: "",
    license: "https://creativecommons.org/licenses/by/4.0/",
    tags: "",
    files: [{ kind: "url", url: "" }],
    service: "compute",
    timeoutSeconds: 86_400,
    price: "free",
    amount: "",
    token: "",
    image: "python",
    imageTag: "3.12-slim",
    checksum: "",
    entrypoint: "python $ALGO",
    trusted: [],
    allowsInline: false,
    wallet: null,
    oceanNode,
  };
}

/** The form as the API takes it; of a form without problems. */
export function requestOf(form: AssetForm): NewAsset {
  const isDataset = form.kind === "dataset";
  return {
    ocean_node: form.oceanNode ?? OCEAN_NODE_DEFAULT,
    wallet: form.wallet ?? WALLET_DEFAULT,
    kind: form.kind,
    name: form.name.trim(),
    description: form.description.trim(),
    author: form.author.trim(),
    license: form.license.trim(),
    tags: tagsOf(form.tags),
    files: form.files.map((file) =>
      file.kind === "url" ? { url: file.url } : { upload: { sha256: file.sha256, name: file.name } },
    ),
    service: form.service,
    timeout_seconds: form.timeoutSeconds,
    price:
      form.price === "fixed_rate"
        ? { kind: form.price, amount: form.amount, ...(form.token && { token: form.token }) }
        : { kind: form.price },
    ...(!isDataset && {
      algorithm: { image: form.image, tag: form.imageTag, checksum: form.checksum, entrypoint: form.entrypoint },
    }),
    ...(isDataset && form.service === "compute" && { trusted_algorithms: form.trusted.filter(isChosen), allows_inline_code: form.allowsInline }),
  };
}

/** What the server refused, at the fields that it is about, and what is about none of them. */
export function refusedAt(problems: readonly Problem[]): { fields: FieldProblems; others: string[] } {
  const fields: FieldProblems = {};
  const others: string[] = [];
  for (const { where, message } of problems) {
    const field = PLACES.find(([place]) => isWithin(where, place))?.[1];
    if (field === undefined) others.push(`${where}: ${message}`);
    else fields[field] = fields[field] === undefined ? message : `${fields[field]}; ${message}`;
  }
  return { fields, others };
}

// The API's places, the narrow ones first.
const PLACES: readonly (readonly [string, AssetField])[] = [
  ["price.amount", "amount"],
  ["price.token", "token"],
  ["price", "price"],
  ["algorithm.tag", "imageTag"],
  ["algorithm.checksum", "checksum"],
  ["algorithm.entrypoint", "entrypoint"],
  ["algorithm", "image"],
  ["trusted_algorithms", "trusted"],
  ["allows_inline_code", "allowsInline"],
  ["timeout_seconds", "timeoutSeconds"],
  ["ocean_node", "oceanNode"],
  ...(["kind", "name", "description", "author", "license", "tags", "files", "service", "wallet"] as const).map(
    (field) => [field, field] as const,
  ),
];

/** What is wrong, by field; nothing means that it can be sent. */
export function problemsOf(form: AssetForm): FieldProblems {
  return {
    ...lineProblems(form),
    ...fileProblems(form),
    ...priceProblems(form),
    ...(form.kind === "algorithm" ? containerProblems(form) : trustProblems(form)),
  };
}

export function tagsOf(text: string): string[] {
  return [...new Set(text.split(",").map((tag) => tag.trim()))].filter((tag) => tag !== "");
}

function lineProblems(form: AssetForm): FieldProblems {
  const needed: AssetField[] = ["name", "description", "author", "license"];
  return Object.fromEntries(needed.filter((field) => !String(form[field]).trim()).map((field) => [field, "is needed"]));
}

function fileProblems({ files, kind }: AssetForm): FieldProblems {
  if (files.length === 0) return { files: "a file is needed" };
  if (files.length > 1 && kind === "algorithm") return { files: "an algorithm is one file: take the others out" };
  const wrong = files.some((file) => file.kind === "url" && !isWebAddress(file.url));
  return wrong ? { files: "must be an https:// or http:// address that the Ocean Node can reach" } : {};
}

function isWebAddress(text: string): boolean {
  if (!/^https?:\/\/\S+$/.test(text)) return false;
  return URL.canParse(text);
}

function priceProblems({ price, amount, token }: AssetForm): FieldProblems {
  if (price !== "fixed_rate") return {};
  return {
    ...((!isAmount(amount) || isZero(amount)) && { amount: "must be an amount of whole tokens above 0, such as 5 or 0.25" }),
    ...(token !== "" && !/^0x[0-9a-fA-F]{40}$/.test(token) && { token: "must be the address of a token: 0x and 40 digits" }),
  };
}

function containerProblems({ image, imageTag, checksum, entrypoint }: AssetForm): FieldProblems {
  return {
    ...(!/^[a-z0-9][a-z0-9._/:-]*$/.test(image) && { image: "must be a container image, such as python" }),
    ...(!/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$/.test(imageTag) && { imageTag: "must be the image's tag, such as 3.12-slim" }),
    ...(!/^sha256:[0-9a-f]{64}$/.test(checksum) && { checksum: "is needed: sha256: and 64 digits, the digest of the image" }),
    ...(!entrypoint.includes("$ALGO") && { entrypoint: "must say where $ALGO, the file with the code, goes" }),
  };
}

function trustProblems({ trusted, service }: AssetForm): FieldProblems {
  return service === "compute" && trusted.some((did) => isChosen(did) && !isDidText(did)) ? { trusted: "each must be the DID of an algorithm" } : {};
}

// A picker that was added and left empty.
function isChosen(did: string): boolean {
  return did !== "";
}
