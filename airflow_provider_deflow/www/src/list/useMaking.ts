// SPDX-License-Identifier: Apache-2.0
// What the dialogs that make a graph have in common: one request at a time, and its refusal in words.
import { useState } from "react";
import { ApiError } from "../api/client";

export interface Making {
  isSending: boolean;
  wasTried: boolean;
  /** A refusal of the slug itself: it is taken. */
  slugRefusal: string | null;
  failure: string | null;
  /** Runs `make` unless `isReady` is false; tells whether it went well. */
  send: (isReady: boolean, make: () => Promise<void>) => Promise<void>;
}

export function useMaking(): Making {
  const [state, setState] = useState({ isSending: false, wasTried: false, slugRefusal: null as string | null, failure: null as string | null });
  const send = async (isReady: boolean, make: () => Promise<void>) => {
    setState({ isSending: isReady, wasTried: true, slugRefusal: null, failure: null });
    if (!isReady) return;
    try {
      await make();
      setState((now) => ({ ...now, isSending: false }));
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const isTaken = error instanceof ApiError && error.status === 409;
      setState({ isSending: false, wasTried: true, slugRefusal: isTaken ? message : null, failure: isTaken ? null : message });
    }
  };
  return { ...state, send };
}
