// SPDX-License-Identifier: Apache-2.0
// All graphs: search, new, duplicate, import, templates.
import { Message } from "../ui/Message";

export function ListPage() {
  return <Message title="Graphs" />;
}
