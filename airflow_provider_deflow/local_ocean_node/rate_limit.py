# SPDX-License-Identifier: Apache-2.0
"""So many requests a minute per caller, whatever they are, and so many callers a minute.

The window opens with a caller's first request and is the caller's own; refused requests do not extend
it. The caller is what `X-Forwarded-For` says, as it is written there, else the socket's address.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

_WINDOW_SECONDS = 60.0


@dataclass(slots=True)
class _Window:
    opened: float
    requests: int


class RateLimit:
    """Counts requests; says no in the node's words."""

    def __init__(self, requests_per_minute: int, callers_per_minute: int) -> None:
        self._limit = requests_per_minute
        self._most_callers = callers_per_minute
        # The open ones only, the oldest first.
        self._windows: dict[str, _Window] = {}

    def refusal(self, caller: str) -> tuple[int, str] | None:
        """Status and words if this request is one too many."""
        now = time.monotonic()
        self._drop_closed(now)
        window = self._windows.get(caller)
        if window is None:
            self._windows[caller] = _Window(now, 1)
        elif window.requests >= self._limit:
            wait = math.ceil(_WINDOW_SECONDS - (now - window.opened))
            return 429, f"Rate limit exceeded. Try again in {wait} seconds."
        else:
            window.requests += 1
        active = len(self._windows)
        if active > self._most_callers:
            return 403, f"Too many active connections ({active}/{self._most_callers}) in the last minute."
        return None

    def _drop_closed(self, now: float) -> None:
        while self._windows:
            oldest, window = next(iter(self._windows.items()))
            if now - window.opened <= _WINDOW_SECONDS:
                return
            del self._windows[oldest]
