# SPDX-License-Identifier: Apache-2.0
"""What paid jobs may cost and did, in MongoDB: budgets, and what is reserved of them.

    ledger_reservations  _id = a job's key, or a plan's; the amount, how far the payment came, and why
    ledger_budgets       _id = what has a budget, a run or a day of a Dag; how much of it is taken

A reservation and the budgets that it counts in change in one transaction, so that however many
processes reserve at once, none gets what another has. Amounts are base units, which exceed any integer
of MongoDB's: they are kept as text and added up here.

What a reservation says beside its amount is the payment's own diary, which outlives the task that writes
it: `state` goes from `planned` to `reserved`, `sent`, `locked` and `settled`, or to `released`.
"""

from __future__ import annotations

import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, TypeVar

from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import mongo
from airflow_provider_deflow.ledger.entry import Run

TIMEOUT_SECONDS = 30.0
_MOST_PAUSE_SECONDS = 0.1
State = Literal["planned", "reserved", "sent", "locked", "settled", "released"]
# Money is, or may be, under way.
OPEN: tuple[State, ...] = ("planned", "reserved", "sent", "locked")

Record = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Token:
    """Which money is counted; a budget counts one only."""

    chain_id: int
    address: str
    decimals: int

    @property
    def name(self) -> str:
        return f"{self.address.lower()} on chain {self.chain_id}"

    def whole(self, base_units: int) -> Decimal:
        from airflow_provider_deflow.chain.units import to_tokens

        tokens = to_tokens(base_units, self.decimals).normalize()
        return tokens if tokens else Decimal(0)


@dataclass(frozen=True, slots=True)
class Budget:
    """The most that may be taken of one thing, in base units; `what` names it for a person."""

    id: str
    what: str
    limit: int


def of_run(run: Run, limit: int) -> Budget:
    return Budget(f"run {run.id}", f"run {run.run_id} of {run.dag_id}", limit)


def of_day(dag_id: str, now: datetime, limit: int) -> Budget:
    """A day of UTC."""
    day = f"{now.astimezone(UTC):%Y-%m-%d}"
    return Budget(f"day {day} {dag_id}", f"{dag_id} on {day}", limit)


def taken(reservation: Record) -> int:
    """How much of its budgets a reservation takes now, in base units."""
    if reservation["state"] == "released":
        return 0
    return int(reservation["cost"] if reservation["state"] == "settled" else reservation["amount"])


class Reservations:
    """The reservations in one MongoDB database, a replica set. Every call ends in time."""

    def __init__(
        self,
        database: Database[Record],
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        known_as: str = "",
    ) -> None:
        database = database.with_options(codec_options=database.codec_options.with_options(tz_aware=True))
        self._client = database.client
        self._reservations = database["ledger_reservations"]
        self._budgets = database["ledger_budgets"]
        self._timeout_seconds = timeout_seconds
        self._known_as = known_as
        self._is_ready = False

    @classmethod
    @contextmanager
    def connected(cls, uri: str) -> Iterator[Reservations]:
        """Those in database `deflow` of the MongoDB at `uri`, closed afterwards."""
        with mongo.client_at(uri) as client:
            yield cls(client[mongo.DATABASE])

    def reserve(
        self,
        asks: Mapping[str, int],
        token: Token,
        budgets: Sequence[Budget],
        about: Mapping[str, Mapping[str, Any]],
        *,
        state: State = "reserved",
        instead_of: Iterable[str] = (),
    ) -> None:
        """Take amounts by key of all `budgets`, or nothing; what is reserved already stays as it is.

        A plan is made once: `state="planned"` leaves every key that was ever reserved alone. `about` is kept
        with each key. `instead_of` are keys that are released with it. Raises `BudgetExceeded`.
        """
        keys = [*asks, *instead_of]

        def work(session: ClientSession) -> None:
            held = {
                one["_id"]: one for one in self._reservations.find({"_id": {"$in": keys}}, session=session)
            }
            new = {key: amount for key, amount in asks.items() if _is_due(held.get(key), amount, state)}
            going = [held[key] for key in instead_of if key in held]
            changes = _changes([*going, *(held[key] for key in new if key in held)])
            for budget in budgets:
                changes[budget.id] += sum(new.values())
            self._take(changes, {budget.id: budget for budget in budgets}, sum(new.values()), token, session)
            for one in going:
                self._set(one["_id"], session, state="released")
            for key, amount in new.items():
                record = _reservation(amount, token, budgets, state, about.get(key, {}), held.get(key))
                self._reservations.replace_one({"_id": key}, record, upsert=True, session=session)

        with self._answering():
            self._prepare([budget.id for budget in budgets], token)
            self._in_transaction(work)

    def settle(self, key: str, cost: int, **proof: Any) -> None:
        """What the job cost at last; the rest of its amount is free again. `proof` is kept with it."""
        self._end(key, "settled", cost=str(cost), **proof)

    def release(self, key: str, **proof: Any) -> None:
        """Nothing was paid, or all came back."""
        self._end(key, "released", **proof)

    def note(self, key: str, **values: Any) -> None:
        """Keep how far the payment came; of one that has ended nothing changes any more."""
        with self._answering():
            self._reservations.update_one({"_id": key, "state": {"$in": OPEN}}, {"$set": _noted(values)})

    def add_transaction(self, key: str, transaction: Record) -> None:
        """A transaction that was sent for this payment, once however often it is told."""
        with self._answering():
            self._reservations.update_one(
                {"_id": key, "transactions.hash": {"$ne": transaction["hash"]}},
                {"$push": {"transactions": transaction}},
            )

    def get(self, key: str) -> Record | None:
        with self._answering():
            return self._reservations.find_one({"_id": key})

    def of_run(self, run: Run) -> list[Record]:
        """All of a run, plans among them, in the order in which they were made."""
        with self._answering():
            return list(self._reservations.find({"run": run.id}).sort("at", 1))

    def of_run_called(self, run_id: str) -> list[Record]:
        """As `of_run`, by Airflow's id of a run, of whichever Dag; all runs for an empty one."""
        with self._answering():
            return list(self._reservations.find({"run_id": run_id} if run_id else {}).sort("at", 1))

    def open(self) -> list[Record]:
        """All that have not ended."""
        with self._answering():
            return list(self._reservations.find({"state": {"$in": OPEN}}).sort("at", 1))

    def not_revoked(self) -> list[Record]:
        """All that an authorisation may have been made for: who made it may have died before saying so."""
        with self._answering():
            return list(self._reservations.find({"payee": {"$exists": True}, "revoked": {"$ne": True}}))

    def revoked(self, keys: Sequence[str]) -> None:
        """Of these nothing is allowed any more."""
        with self._answering():
            self._reservations.update_many({"_id": {"$in": list(keys)}}, {"$set": {"revoked": True}})

    def of_payer(self, chain_id: int, payer: str) -> list[Record]:
        """All that one account pays."""
        with self._answering():
            return list(self._reservations.find({"chain_id": chain_id, "payer": payer}).sort("at", 1))

    def promised(self, chain_id: int, payer: str, token: str) -> list[Record]:
        """All that the payer's funds were brought into the escrow for, and of which no lock is known."""
        asked = {"chain_id": chain_id, "payer": payer, "token": token, "promised_by": {"$exists": True}}
        with self._answering():
            return list(self._reservations.find({**asked, "state": {"$in": ["reserved", "sent"]}}))

    def waiting(self, chain_id: int, payer: str, token: str, since: datetime) -> list[Record]:
        """All that the payer has reserved for jobs since then, and that nothing was done for yet."""
        asked = {"chain_id": chain_id, "payer": payer, "token": token, "promised_by": {"$exists": False}}
        of_jobs = {"payee": {"$exists": True}, "state": "reserved", "changed_at": {"$gte": since}}
        with self._answering():
            return list(self._reservations.find({**asked, **of_jobs}))

    def taken_of(self, budget_id: str) -> int:
        """How much of a budget is taken, in base units."""
        with self._answering():
            found = self._budgets.find_one({"_id": budget_id})
        return int(found["taken"]) if found else 0

    def _end(self, key: str, state: State, **values: Any) -> None:
        def work(session: ClientSession) -> None:
            held = self._reservations.find_one({"_id": key}, session=session)
            if held is None or held["state"] not in OPEN:
                return
            ended = {**held, **_noted(values), "state": state}
            changes = _changes([held])
            for budget_id in held["budgets"]:
                changes[budget_id] += taken(ended)
            self._take(changes, {}, 0, None, session)
            self._reservations.replace_one({"_id": key}, ended, session=session)

        with self._answering():
            self._in_transaction(work)

    def _take(
        self,
        changes: Mapping[str, int],
        budgets: Mapping[str, Budget],
        asked: int,
        token: Token | None,
        session: ClientSession,
    ) -> None:
        """Change what is taken; a budget that is asked for more than it has ends the transaction."""
        # In one order, so that two never wait for each other.
        for budget_id, change in sorted(changes.items()):
            if not change:
                continue
            # Written before it is read: of two transactions one begins anew.
            found = self._budgets.find_one_and_update(
                {"_id": budget_id}, {"$inc": {"changes": 1}}, session=session
            )
            if found is None:
                continue
            before = int(found["taken"])
            budget = budgets.get(budget_id)
            if budget and token and found["token"] != token.name:
                raise errors.BudgetExceeded(
                    f"the budget of {budget.what} counts {found['token']}, and this job is paid with "
                    f"{token.name}. Name one token as the budget's `fee_token`."
                )
            if budget and token and change > 0 and before + change > budget.limit:
                raise _exceeded(budget, before + change - asked, asked, token)
            self._budgets.update_one(
                {"_id": budget_id}, {"$set": {"taken": str(before + change)}}, session=session
            )

    def _set(self, key: str, session: ClientSession, **values: Any) -> None:
        self._reservations.update_one({"_id": key}, {"$set": _noted(values)}, session=session)

    def _prepare(self, budget_ids: Iterable[str], token: Token) -> None:
        """Outside the transaction: two that make the same record in one would both fail."""
        if not self._is_ready:
            self._reservations.create_index([("run", 1), ("at", 1)])
            self._reservations.create_index("run_id")
            self._reservations.create_index("state")
            self._reservations.create_index([("chain_id", 1), ("payer", 1), ("at", 1)])
            self._is_ready = True
        for budget_id in budget_ids:
            fresh = {"taken": "0", "token": token.name, "changes": 0}
            self._budgets.update_one({"_id": budget_id}, {"$setOnInsert": fresh}, upsert=True)

    def _in_transaction(self, work: Callable[[ClientSession], T]) -> T:
        def in_turn(session: ClientSession) -> T:
            try:
                return work(session)
            except PyMongoError as error:
                if error.has_error_label("TransientTransactionError"):
                    # Who was later begins anew, but lets the others finish first: all at once, none would.
                    time.sleep(random.uniform(0, _MOST_PAUSE_SECONDS))
                raise

        with self._client.start_session() as session:
            return session.with_transaction(
                in_turn, read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority")
            )

    def _answering(self) -> AbstractContextManager[None]:
        return mongo.answering(self._client, self._timeout_seconds, self._known_as)


def _is_due(held: Record | None, amount: int, state: State) -> bool:
    """Whether a key has to be reserved: anew after all came back, or for another amount before it is sent."""
    if held is None:
        return True
    if state == "planned":
        return False
    return held["state"] == "released" or (held["state"] == "reserved" and int(held["amount"]) != amount)


def _changes(going: Iterable[Record]) -> defaultdict[str, int]:
    """What budgets have more when these are gone, as negative numbers."""
    changes: defaultdict[str, int] = defaultdict(int)
    for one in going:
        for budget_id in one["budgets"]:
            changes[budget_id] -= taken(one)
    return changes


def _reservation(
    amount: int,
    token: Token,
    budgets: Sequence[Budget],
    state: State,
    about: Mapping[str, Any],
    before: Record | None,
) -> Record:
    # What was paid for the same key before and came back is part of its history, gas above all.
    earlier = [] if before is None else [*before.get("earlier", ()), {**before, "earlier": None}]
    return {
        **about,
        "amount": str(amount),
        "cost": None,
        "chain_id": token.chain_id,
        "token": token.address,
        "decimals": token.decimals,
        "budgets": [budget.id for budget in budgets],
        "state": state,
        "transactions": [],
        "earlier": earlier,
        "at": datetime.now(UTC),
        "changed_at": datetime.now(UTC),
    }


def _noted(values: Mapping[str, Any]) -> Record:
    """Whole numbers as text: an amount fits no integer of MongoDB's."""
    kept = {
        name: str(value) if isinstance(value, int) and not isinstance(value, bool) else value
        for name, value in values.items()
    }
    return {**kept, "changed_at": datetime.now(UTC)}


def _exceeded(budget: Budget, reserved: int, asked: int, token: Token) -> errors.BudgetExceeded:
    limit, held, more = (f"{token.whole(amount):f}" for amount in (budget.limit, reserved, asked))
    return errors.BudgetExceeded(
        f"the budget of {budget.what} is {limit} tokens, {held} of it are reserved or paid, and {more} are "
        f"asked for ({token.name}). Nothing was paid for it. "
        "Raise the budget, or lower max_duration_seconds or compute_resources."
    )
