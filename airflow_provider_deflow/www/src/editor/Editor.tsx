// SPDX-License-Identifier: Apache-2.0
import { Message } from "../ui/Message";

export function Editor({ slug }: { slug: string }) {
  return <Message title={slug} />;
}
