// SPDX-License-Identifier: Apache-2.0
// A task's log, followed to its end while the task runs.
import { useEffect, useRef, useState } from "react";
import { api } from "../api/client";
import { Button } from "../ui/Button";
import { nextRequestIn } from "./polling";
import styles from "./run.module.css";

interface Props {
  slug: string;
  runId: string;
  taskId: string;
  attempt: number;
  /** Whether the task can still write. */
  isRunning: boolean;
}

export function LogView({ slug, runId, taskId, attempt, isRunning }: Props) {
  const [shown, setShown] = useState(attempt);
  const [lines, setLines] = useState<readonly string[] | null>(null);
  const [error, setError] = useState<string | null>(null);
  const [isFollowing, setFollowing] = useState(true);
  const box = useRef<HTMLPreElement>(null);
  useEffect(() => setShown(attempt), [attempt]);
  useEffect(() => setLines(null), [taskId, shown]);

  useEffect(() => {
    let isWanted = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const look = async () => {
      let isOver = false;
      try {
        const log = await api.readLog(slug, runId, taskId, Math.max(1, shown));
        if (!isWanted) return;
        failures = 0;
        isOver = log.is_over;
        setLines(log.lines);
        setError(null);
      } catch (caught) {
        if (!isWanted) return;
        failures += 1;
        setError(caught instanceof Error ? caught.message : String(caught));
      }
      const wait = nextRequestIn({ state: isOver || !isRunning ? "success" : "running", isHidden: document.hidden, failures });
      if (wait !== null) timer = setTimeout(() => void look(), wait);
    };
    const seen = () => {
      clearTimeout(timer);
      if (!document.hidden) void look();
    };
    void look();
    document.addEventListener("visibilitychange", seen);
    return () => {
      isWanted = false;
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [slug, runId, taskId, shown, isRunning]);

  useEffect(() => {
    if (isFollowing && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, isFollowing]);

  return (
    <div className={styles.log}>
      <div className={styles.logHead}>
        {attempt > 1 && (
          <label>
            Attempt{" "}
            <select className="df-input" value={shown} onChange={(event) => setShown(Number(event.target.value))}>
              {Array.from({ length: attempt }, (_, index) => index + 1).map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
          </label>
        )}
        <label>
          <input type="checkbox" checked={isFollowing} onChange={(event) => setFollowing(event.target.checked)} /> Follow
        </label>
        <Button look="plain" disabled={!lines?.length} onClick={() => void navigator.clipboard.writeText((lines ?? []).join("\n"))}>
          Copy
        </Button>
      </div>
      {error !== null && (
        <p className="df-error" role="alert">
          {error}
        </p>
      )}
      <pre
        ref={box}
        // Focusable, so that it can be scrolled by keyboard.
        tabIndex={0}
        role="log"
        aria-label={`Log of ${taskId}`}
        onWheel={(event) => event.deltaY < 0 && setFollowing(false)}
      >
        {lines === null ? "Reading the log …" : lines.length === 0 ? "Nothing was logged yet." : lines.join("\n")}
      </pre>
    </div>
  );
}
