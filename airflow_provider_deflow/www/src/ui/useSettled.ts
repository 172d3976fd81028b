// SPDX-License-Identifier: Apache-2.0
import { useEffect, useState } from "react";

/** `value`, once it has not changed for a while: not every letter is a request. */
export function useSettled(value: string, afterMs: number): string {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), afterMs);
    return () => clearTimeout(timer);
  }, [value, afterMs]);
  return settled;
}
