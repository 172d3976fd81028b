// SPDX-License-Identifier: Apache-2.0
// The quote of the drawing as it is on the canvas, published or not.
import type { GraphDocument } from "../graph/document";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { QuotePanel } from "./QuotePanel";

export function QuoteDialog({ slug, document, onClose }: { slug: string; document: GraphDocument; onClose: () => void }) {
  return (
    <Dialog title="Quote" onClose={onClose} actions={<Button onClick={onClose}>Close</Button>}>
      <p>A run of this drawing, as its Ocean Nodes would take it now. Asking pays nothing and reserves nothing.</p>
      <QuotePanel slug={slug} document={document} />
    </Dialog>
  );
}
