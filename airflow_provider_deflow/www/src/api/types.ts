// SPDX-License-Identifier: Apache-2.0
// What the DeFlow API takes and gives, by short names. Generated from its OpenAPI description at every check and
// build (`npm run types`), so that a route that changes is an error here; only the drawing has types of its own.
import type { components } from "../../generated/openapi";
import type { GraphDocument } from "../graph/document";

type Schemas = components["schemas"];
// OpenAPI says of a drawing only that it is an object.
type Drawn<T> = Omit<T, "document"> & { document: GraphDocument };

export type Problem = Schemas["Problem"];

export type GraphSummary = Schemas["GraphListed"];
export type GraphPage = Schemas["GraphList"];
export type GraphView = Drawn<Schemas["GraphView"]>;
export type Published = Schemas["PublishedRevision"];
export type RevisionSummary = Schemas["RevisionListed"];
export type Revision = Drawn<Schemas["RevisionView"]>;
export type GraphDiff = Schemas["Difference"];
export type PartDiff = Schemas["PartChanges"];
export type FieldChange = Schemas["FieldChange"];
export type Imported = Drawn<Schemas["Imported"]>;

export type RunSummary = Schemas["RunListed"];
export type RunView = Drawn<Schemas["RunView"]>;
export type NodeRun = Schemas["NodeRun"];
export type EdgeRun = Schemas["EdgeRun"];
export type NewRun = Schemas["NewRun"];
export type OutputFile = Schemas["KeptFile"];
export type Upload = Schemas["KeptFile"];
export type TaskLog = Schemas["LogLines"];

export type OceanNodeSummary = Schemas["OceanNodeListed"];
// What an Ocean Node says of an environment besides its id is read by panels/environment.ts.
export type Environment = { id: string; [key: string]: unknown };
export type Template = Drawn<Schemas["Template"]>;

export type ImportFormat = Schemas["Import"]["format"];
export type ExportFormat = ImportFormat;

export type Asset = Schemas["AssetView"];
export type AssetSummary = Schemas["AssetListed"];
export type AssetPage = Schemas["AssetList"];
export type AssetKind = AssetSummary["kind"];
export type NewAsset = Schemas["NewAsset"];
export type StartedPublication = Schemas["StartedPublication"];
export type Publication = Schemas["PublicationView"];
export type Wallet = Schemas["WalletListed"];
export type Quote = Schemas["QuoteView"];
export type Transaction = Schemas["TransactionView"];
