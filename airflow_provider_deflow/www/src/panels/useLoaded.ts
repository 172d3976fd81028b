// SPDX-License-Identifier: Apache-2.0
// Something read from the server for as long as a component shows it.
import { useCallback, useEffect, useState } from "react";

export interface Loaded<T> {
  value: T | null;
  error: unknown;
  isLoading: boolean;
  reload: () => void;
}

interface State<T> {
  key: string | null;
  value: T | null;
  error: unknown;
  isLoading: boolean;
}

/** What `load` gives for `key`; read again when the key changes. A null key reads nothing. */
export function useLoaded<T>(key: string | null, load: () => Promise<T>): Loaded<T> {
  const [round, setRound] = useState(0);
  const [state, setState] = useState<State<T>>({ key, value: null, error: null, isLoading: key !== null });
  // `load` is written inline by callers: `key` says when it would give something else.
  useEffect(() => {
    if (key === null) return setState({ key, value: null, error: null, isLoading: false });
    let isWanted = true;
    setState((now) => ({ key, value: now.key === key ? now.value : null, error: null, isLoading: true }));
    load().then(
      (value) => isWanted && setState({ key, value, error: null, isLoading: false }),
      (error: unknown) => isWanted && setState((now) => ({ ...now, error, isLoading: false })),
    );
    return () => {
      isWanted = false;
    };
  }, [key, round]);
  const reload = useCallback(() => setRound((now) => now + 1), []);
  return { value: state.value, error: state.error, isLoading: state.isLoading, reload };
}
