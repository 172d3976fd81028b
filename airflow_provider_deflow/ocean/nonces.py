# SPDX-License-Identifier: Apache-2.0
"""Nonces of one wallet at one Ocean Node: one at a time, each higher than all before.

A node takes a nonce only when it is higher than the last it took from this address, and checks so
without a lock of its own: requests side by side get each other refused. So a lane of nonces is held
from the signature until the node has answered. Nonces are milliseconds since the epoch, which needs
no question to the node; only a wallet that signs on several hosts can still collide.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from airflow_provider_deflow.ocean.shared_state import SharedState


class NonceLane:
    """The nonces of `address` at the node `name`."""

    def __init__(self, state: SharedState, name: str, address: str) -> None:
        self._state = state
        self._name = f"{name}.{address}.nonce"

    @contextmanager
    def next(self, is_usable: Callable[[int], bool] = lambda _: True) -> Iterator[int]:
        """A fresh nonce; nobody else of this host has a higher one until the block ends.

        One that is not usable is left out, and the next one tried.
        """
        with self._state.locked(self._name) as cell:
            last = cell.read()
            nonce = max(time.time_ns() // 1_000_000, int(last) + 1 if last.isdigit() else 0)
            while not is_usable(nonce):
                nonce += 1
            cell.write(str(nonce).encode())
            yield nonce
