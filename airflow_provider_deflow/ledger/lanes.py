# SPDX-License-Identifier: Apache-2.0
"""The nonce lanes of all accounts in MongoDB.

    wallet_slots   _id = chain id, account and nonce; purpose, signed bytes, outcome

A nonce is one document's id and a purpose stands in one document of an account, so the server itself lets
only one process have either. Slots do not go by age: a purpose succeeds once, ever.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from pymongo.database import Database
from pymongo.errors import DuplicateKeyError
from pymongo.write_concern import WriteConcern

from airflow_provider_deflow.chain.lanes import Attempt, Lane, Outcome, Slot
from airflow_provider_deflow.graphs import mongo

TIMEOUT_SECONDS = 10.0

Record = dict[str, Any]


class MongoLanes:
    """A `chain.lanes.LaneStore`. Every call ends within `timeout_seconds`.

    :param known_as: where a person set the database up, for messages about it
    """

    def __init__(
        self, database: Database[Record], *, timeout_seconds: float = TIMEOUT_SECONDS, known_as: str = ""
    ) -> None:
        self._client = database.client
        self._slots = database.get_collection(
            "wallet_slots",
            codec_options=database.codec_options.with_options(tz_aware=True),
            # What was acknowledged must not vanish with one server: its nonce would be used again.
            write_concern=WriteConcern("majority", j=True),
        )
        self._timeout_seconds = timeout_seconds
        self._known_as = known_as
        self._has_indexes = False

    def close(self) -> None:
        mongo.let_go(self._client)

    def next_nonce(self, lane: Lane) -> int:
        with self._answering():
            last = self._slots.find_one(_of(lane), {"nonce": 1}, sort=[("nonce", -1)])
        return int(last["nonce"]) + 1 if last else 0

    def is_hole(self, lane: Lane, nonce: int) -> bool:
        up_to = _of(lane) | {"nonce": {"$lte": nonce}}
        with self._answering():
            found = self._slots.find_one(up_to, {"nonce": 1}, sort=[("nonce", -1)])
        return found is not None and int(found["nonce"]) < nonce

    def add(self, lane: Lane, slot: Slot) -> bool:
        record = {
            "_id": _id(lane, slot),
            **_of(lane),
            "nonce": slot.nonce,
            "since_block": slot.since_block,
            "attempts": [_written(attempt) for attempt in slot.attempts],
            "outcome": None,
        }
        if slot.purpose:
            record["purpose"] = slot.purpose
        with self._answering():
            try:
                self._slots.insert_one(record)
            except DuplicateKeyError:
                return False
        return True

    def with_purpose(self, lane: Lane, purpose: str) -> Slot | None:
        return self._one(_of(lane) | {"purpose": purpose})

    def with_hash(self, lane: Lane, transaction_hash: str) -> Slot | None:
        return self._one(_of(lane) | {"attempts.hash": transaction_hash})

    def unsettled(self, lane: Lane) -> list[Slot]:
        with self._answering():
            return [_read(record) for record in self._slots.find(_of(lane) | {"outcome": None}).sort("nonce")]

    def add_attempt(self, lane: Lane, slot: Slot, attempt: Attempt) -> bool:
        unchanged = {
            "_id": _id(lane, slot),
            "outcome": None,
            "attempts": {"$size": len(slot.attempts)},
        }
        with self._answering():
            changed = self._slots.update_one(unchanged, {"$push": {"attempts": _written(attempt)}})
        return changed.modified_count == 1

    def settle(self, lane: Lane, slot: Slot, outcome: Outcome) -> None:
        written = {"hash": outcome.transaction_hash, "ending": outcome.ending}
        change: Record = {"$set": {"outcome": written}}
        if outcome.ending != "succeeded":
            change["$rename"] = {"purpose": "former_purpose"}
        unless_another = {"_id": _id(lane, slot), "outcome": {"$in": [None, written]}}
        with self._answering():
            self._slots.update_one(unless_another, change)

    def _one(self, wanted: Record) -> Slot | None:
        with self._answering():
            found = self._slots.find_one(wanted)
        return _read(found) if found else None

    def _answering(self) -> AbstractContextManager[None]:
        self._ensure_indexes()
        return mongo.answering(self._client, self._timeout_seconds, self._known_as)

    def _ensure_indexes(self) -> None:
        if self._has_indexes:
            return
        with mongo.answering(self._client, self._timeout_seconds, self._known_as):
            self._slots.create_index(
                [("chain_id", 1), ("account", 1), ("purpose", 1)],
                unique=True,
                partialFilterExpression={"purpose": {"$exists": True}},
            )
            self._slots.create_index([("chain_id", 1), ("account", 1), ("nonce", -1)], unique=True)
            self._slots.create_index([("chain_id", 1), ("account", 1), ("outcome", 1), ("nonce", 1)])
            self._slots.create_index([("attempts.hash", 1)])
        self._has_indexes = True


def _of(lane: Lane) -> Record:
    return {"chain_id": lane.chain_id, "account": lane.account}


def _id(lane: Lane, slot: Slot) -> str:
    return f"{lane.chain_id}:{lane.account}:{slot.nonce}"


def _written(attempt: Attempt) -> Record:
    return {"hash": attempt.transaction_hash, "signed": attempt.signed, "at": attempt.signed_at}


def _read(record: Record) -> Slot:
    outcome = record["outcome"]
    return Slot(
        nonce=record["nonce"],
        purpose=record.get("purpose", ""),
        since_block=record["since_block"],
        attempts=tuple(_attempt(one) for one in record["attempts"]),
        outcome=Outcome(outcome["hash"], outcome["ending"]) if outcome else None,
    )


def _attempt(record: Record) -> Attempt:
    signed_at: datetime = record["at"]
    return Attempt(record["hash"], bytes(record["signed"]), signed_at)
