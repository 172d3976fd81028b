// SPDX-License-Identifier: Apache-2.0
// Small drawings for tests: `drawing("a b c", "a>b b>c")`.
import type { GraphDocument } from "./document";

const words = (text: string) => text.split(" ").filter(Boolean);

export function drawing(nodes: string, edges = ""): GraphDocument {
  return {
    slug: "drawn",
    nodes: words(nodes).map((id, at) => ({
      id,
      type: "compute",
      position: { x: at * 300, y: 0 },
      data: { algorithm: { code: "print(1)" } },
    })),
    edges: words(edges).map((edge) => {
      const [source = "", target = ""] = edge.split(">");
      return { id: `${source}-${target}`, source, target };
    }),
  };
}
