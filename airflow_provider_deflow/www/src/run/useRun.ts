// SPDX-License-Identifier: Apache-2.0
// A run as the server tells it, asked for again while it goes on and somebody looks.
import { useCallback, useEffect, useRef, useState } from "react";
import { api } from "../api/client";
import type { RunView } from "../api/types";
import { nextRequestIn } from "./polling";

export interface WatchedRun {
  run: RunView | null;
  /** When `run` was read, by this machine's clock. */
  readAtMs: number;
  /** Of the last request; what was read before stays shown. */
  error: unknown;
  refresh: () => void;
}

export function useRun(slug: string, runId: string): WatchedRun {
  const { value, ...watched } = useWatched(`${slug}/${runId}`, (signal) => api.readRun(slug, runId, signal));
  return { run: value, ...watched };
}

export interface Watched<T> {
  value: T | null;
  readAtMs: number;
  error: unknown;
  refresh: () => void;
}

/** What `read` gives for `key`, read again until its state is final. */
export function useWatched<T extends { state: string }>(key: string, read: (signal: AbortSignal) => Promise<T>): Watched<T> {
  const [watched, setWatched] = useState<Omit<Watched<T>, "refresh">>({ value: null, readAtMs: 0, error: null });
  const reading = useRef(read);
  reading.current = read;
  const ask = useRef<() => void>(() => {});
  useEffect(() => {
    const leaving = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let state: string | null = null;
    let failures = 0;
    let isAsking = false;
    const plan = () => {
      clearTimeout(timer);
      const wait = nextRequestIn({ state, isHidden: document.hidden, failures });
      if (wait !== null) timer = setTimeout(() => void look(), wait);
    };
    const look = async () => {
      if (isAsking) return;
      isAsking = true;
      clearTimeout(timer);
      try {
        const value = await reading.current(leaving.signal);
        state = value.state;
        failures = 0;
        setWatched({ value, readAtMs: Date.now(), error: null });
      } catch (error) {
        if (leaving.signal.aborted) return;
        failures += 1;
        setWatched((now) => ({ ...now, error }));
      } finally {
        isAsking = false;
      }
      plan();
    };
    const seen = () => {
      if (document.hidden) clearTimeout(timer);
      else if (nextRequestIn({ state, isHidden: false, failures }) !== null) void look();
    };
    ask.current = () => {
      // Somebody did something to the run: it may go on although it was over.
      state = null;
      void look();
    };
    void look();
    document.addEventListener("visibilitychange", seen);
    return () => {
      leaving.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [key]);
  return { ...watched, refresh: useCallback(() => ask.current(), []) };
}

/** This moment, again every second while `isTicking`. */
export function useNow(isTicking: boolean): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    setNow(Date.now());
    if (!isTicking) return;
    const timer = setInterval(() => !document.hidden && setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, [isTicking]);
  return now;
}
