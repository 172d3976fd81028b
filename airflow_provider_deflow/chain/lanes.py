# SPDX-License-Identifier: Apache-2.0
"""The nonce lane of an account: which transaction has which nonce, kept where all processes see it.

A transaction is signed for the next nonce, and nonce and signed bytes are kept in one step, before anything
is sent. When somebody else was quicker the store refuses, and it is signed anew for the nonce after: what
was signed before has left no process. So no nonce is reserved without bytes, and a gap is always one that
whoever comes next can close: by sending what is kept, or, where another program's transaction vanished, by
taking its nonce. Signed bytes contain no key.

A nonce is used once. So all that is ever signed for one slot may be sent, again and by anybody: at most one
of it comes into a block. A purpose passes on to another slot only when its own can do nothing any more: its
transaction is in a block, as deep as blocks have to be to count, and was reverted there; or another one is
there with its nonce.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Lane:
    """The transactions of one account on one chain; `account` is EIP-55."""

    chain_id: int
    account: str


@dataclass(frozen=True, slots=True)
class Attempt:
    """What was signed for a slot; a later one differs in its fee."""

    transaction_hash: str
    signed: bytes
    signed_at: datetime


@dataclass(frozen=True, slots=True)
class Outcome:
    """Which transaction used a slot's nonce for good; `replaced`: none of the slot's, which are void."""

    transaction_hash: str
    ending: Literal["succeeded", "reverted", "replaced"]


@dataclass(frozen=True, slots=True)
class Slot:
    """One nonce and what it is for."""

    nonce: int
    # Empty when it has none.
    purpose: str
    # Of the chain, before the nonce was taken: it was not used then.
    since_block: int
    # In the order in which they were signed, at least one.
    attempts: tuple[Attempt, ...]
    outcome: Outcome | None = None

    @property
    def latest(self) -> Attempt:
        return self.attempts[-1]

    @property
    def hashes(self) -> tuple[str, ...]:
        return tuple(attempt.transaction_hash for attempt in self.attempts)


class LaneStore(Protocol):
    """Keeps lanes. Each call is atomic, also among processes, and durable once it returns."""

    def next_nonce(self, lane: Lane) -> int:
        """One more than the highest that was ever added; 0 for a new lane."""

    def is_hole(self, lane: Lane, nonce: int) -> bool:
        """Whether nothing was ever added for this nonce, but for an earlier one."""

    def add(self, lane: Lane, slot: Slot) -> bool:
        """False when the nonce or the purpose is taken."""

    def with_purpose(self, lane: Lane, purpose: str) -> Slot | None:
        """The one slot of this purpose that is open or succeeded."""

    def with_hash(self, lane: Lane, transaction_hash: str) -> Slot | None:
        """The slot that one of its attempts has this hash."""

    def unsettled(self, lane: Lane) -> list[Slot]:
        """Those without an outcome, by nonce."""

    def add_attempt(self, lane: Lane, slot: Slot, attempt: Attempt) -> bool:
        """False when others than those of `slot` are there by now, or an outcome is."""

    def settle(self, lane: Lane, slot: Slot, outcome: Outcome) -> None:
        """Keep the outcome; a slot that came to nothing, reverted or replaced, lets its purpose go."""
