// SPDX-License-Identifier: Apache-2.0
// When the graph runs by itself, explained in a sentence as it is typed.
import type { GraphDocument, Problem } from "../graph/document";
import { CheckField, CommittedField, TextField } from "./Field";
import { CRON_PRESETS, scheduleText } from "./cron";
import { patchSchedule, scheduleOf } from "./edits";
import { messagesAt } from "./fieldProblems";

interface Props {
  document: GraphDocument;
  problems: readonly Problem[];
  onChange: (next: GraphDocument, coalesce?: string) => void;
}

export function ScheduleFields({ document, problems, onChange }: Props) {
  const schedule = scheduleOf(document);
  const assets = schedule.assets ?? [];
  const exact = problems.filter(({ where }) => where === "schedule").map(({ message }) => message);
  return (
    <>
      <TextField
        label="Cron"
        isCode
        value={schedule.cron ?? ""}
        placeholder="0 6 * * 1-5"
        hint={scheduleText({ cron: schedule.cron ?? null, assets, timezone: schedule.timezone ?? "UTC" })}
        problems={[...exact, ...messagesAt(problems, "schedule.cron")]}
        onChange={(cron) => onChange(patchSchedule(document, { cron: cron || undefined }), "graph:cron")}
      />
      <p className="df-hint">Or one of {Object.keys(CRON_PRESETS).join(", ")}.</p>
      <CommittedField
        label="Time zone"
        value={schedule.timezone ?? ""}
        placeholder="UTC"
        problems={messagesAt(problems, "schedule.timezone")}
        refuse={() => null}
        onCommit={(timezone) => onChange(patchSchedule(document, { timezone: timezone || undefined }))}
      />
      <CommittedField
        label="When these Airflow assets change"
        isCode
        rows={2}
        value={assets.join("\n")}
        placeholder="s3://bucket/key"
        hint="One URI a line."
        problems={messagesAt(problems, "schedule.assets")}
        refuse={() => null}
        onCommit={(text) => {
          const next = text.split("\n").map((line) => line.trim()).filter((line) => line !== "");
          onChange(patchSchedule(document, { assets: next.length === 0 ? undefined : next }));
        }}
      />
      <TextField
        label="Start date"
        value={schedule.start_date ?? ""}
        placeholder="2026-01-31"
        problems={messagesAt(problems, "schedule.start_date")}
        onChange={(date) => onChange(patchSchedule(document, { start_date: date || undefined }), "graph:start_date")}
      />
      <CheckField
        label="Catch up on the runs since the start date"
        value={schedule.catchup ?? false}
        onChange={(catchup) => onChange(patchSchedule(document, { catchup: catchup || undefined }))}
      />
    </>
  );
}
