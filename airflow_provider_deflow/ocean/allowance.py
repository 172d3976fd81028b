# SPDX-License-Identifier: Apache-2.0
"""How often an Ocean Node may be asked, shared by all processes of one host.

A real node answers 30 requests a minute of one address, all routes together. Each request takes a
place in a sliding minute before it is sent; a 429 closes the door for everybody as long as it says.
Times are epoch seconds, because processes share them.
"""

from __future__ import annotations

import time
from array import array

from airflow_provider_deflow.ocean.shared_state import SharedState

# A second more than a minute: what leaves here evenly can arrive there closer together.
_WINDOW_SECONDS = 61.0


class Allowance:
    """The places of one Ocean Node."""

    def __init__(self, state: SharedState, name: str, requests_per_minute: int) -> None:
        self._state = state
        self._name = f"{name}.allowance"
        self._places = max(1, requests_per_minute)

    def take(self) -> float:
        """0 when a place was taken; else none was, and so many seconds must pass before the next try."""
        with self._state.locked(self._name) as cell:
            now = time.time()
            closed_until, taken = _read(cell.read(), now)
            if closed_until > now:
                return closed_until - now
            if len(taken) >= self._places:
                return taken[-self._places] + _WINDOW_SECONDS - now
            cell.write(array("d", [closed_until, *taken, now]).tobytes())
            return 0.0

    def close_for(self, seconds: float) -> None:
        """The node said when it answers again; nobody asks before."""
        with self._state.locked(self._name) as cell:
            now = time.time()
            closed_until, taken = _read(cell.read(), now)
            cell.write(array("d", [max(closed_until, now + seconds), *taken]).tobytes())


def _read(value: bytes, now: float) -> tuple[float, list[float]]:
    """The closed time and the requests of the last minute.

    What cannot be is dropped: a clock that was set back, or a process that died while it wrote, costs
    one burst too many at worst, which a 429 ends.
    """
    times = array("d", value[: len(value) // 8 * 8])
    closed_until = times[0] if times and times[0] < now + 3600 else 0.0
    return closed_until, [at for at in times[1:] if now - _WINDOW_SECONDS < at <= now + 1]
