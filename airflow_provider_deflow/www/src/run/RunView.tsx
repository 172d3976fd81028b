// SPDX-License-Identifier: Apache-2.0
// One run on the graph as it was then: states, logs, outputs, why it failed.
import { Message } from "../ui/Message";

export interface RunViewProps {
  slug: string;
  runId: string;
}

export function RunView({ slug, runId }: RunViewProps) {
  return <Message title={`${slug}, run ${runId}`} />;
}
