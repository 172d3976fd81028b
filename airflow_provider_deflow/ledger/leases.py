# SPDX-License-Identifier: Apache-2.0
"""One after the other, across processes: who holds a lease works, until it lets go or its time is over.

    ledger_leases  _id = what is leased; who holds it, until when

By MongoDB's clock, whatever those of the hosts say. Who was held up for longer than its lease finds that
out by `renew`, before it does what must not be done by two.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import mongo

LEASE_SECONDS = 300.0
WAIT_SECONDS = 900.0
_TIMEOUT_SECONDS = 30.0
# One small update of MongoDB each; between two holders nobody works.
_LONGEST_PAUSE_SECONDS = 0.5
_LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)

Record = dict[str, Any]


class Leases:
    """The leases in one MongoDB database."""

    def __init__(self, database: Database[Record], *, known_as: str = "") -> None:
        self._client = database.client
        self._leases: Collection[Record] = database["ledger_leases"]
        self._known_as = known_as

    @contextmanager
    def held(
        self,
        name: str,
        *,
        seconds: float = LEASE_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
        wait: Callable[[float], None] = time.sleep,
    ) -> Iterator[Lease]:
        """Wait for `name` and hold it for the block. Raises `WalletBusy` when others hold it too long."""
        lease = Lease(self, name, uuid.uuid4().hex, seconds)
        give_up_at = time.monotonic() + wait_seconds
        pause = 0.1
        while not self.take(lease):
            if time.monotonic() > give_up_at:
                raise errors.WalletBusy(
                    f"others have held {name!r} for {wait_seconds:.0f} s: its starts go one after the other. "
                    "Try again later."
                )
            wait(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        try:
            yield lease
        finally:
            self._let_go(lease)

    def take(self, lease: Lease) -> bool:
        """Get it, or get it for longer; whether it is held now."""
        free = {"$expr": {"$or": [{"$lt": ["$until", "$$NOW"]}, {"$eq": ["$holder", lease.holder]}]}}
        with self._answering():
            if self._take(lease, free):
                return True
            try:
                self._leases.insert_one({"_id": lease.name, "holder": "", "until": _LONG_AGO})
            except DuplicateKeyError:
                return False
            return self._take(lease, free)

    def is_held_by(self, name: str, holder: str) -> bool:
        """Whether who held it still does, or was killed so lately that its time is not over."""
        held = {"_id": name, "holder": holder, "$expr": {"$gt": ["$until", "$$NOW"]}}
        with self._answering():
            return self._leases.find_one(held, {"_id": 1}) is not None

    def keep(self, lease: Lease) -> bool:
        """Hold it for longer, if it was nobody else's since."""
        with self._answering():
            return self._take(lease, {"holder": lease.holder})

    def _take(self, lease: Lease, if_: Record) -> bool:
        milliseconds = int(lease.seconds * 1000)
        until = {"$dateAdd": {"startDate": "$$NOW", "unit": "millisecond", "amount": milliseconds}}
        change = [{"$set": {"holder": lease.holder, "until": until}}]
        return self._leases.update_one({"_id": lease.name, **if_}, change).matched_count == 1

    def _let_go(self, lease: Lease) -> None:
        try:
            with self._answering():
                self._leases.delete_one({"_id": lease.name, "holder": lease.holder})
        except errors.StoreUnreachable:
            # It ends by itself; what was done under it counts.
            return

    def _answering(self) -> AbstractContextManager[None]:
        return mongo.answering(self._client, _TIMEOUT_SECONDS, self._known_as)


@dataclass(frozen=True, slots=True)
class Lease:
    """One holder's lease."""

    leases: Leases
    name: str
    holder: str
    seconds: float

    def renew(self) -> None:
        """From now on for its whole time. Raises `WalletBusy` when somebody else has taken it."""
        if not self.leases.keep(self):
            raise errors.WalletBusy(
                f"{self.name!r} was held for more than {self.seconds:.0f} s and went to another. "
                "Nothing was sent since: try again."
            )
