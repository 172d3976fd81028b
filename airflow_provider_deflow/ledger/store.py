# SPDX-License-Identifier: Apache-2.0
"""The ledger in MongoDB.

    ledger_runs      _id = hash of Dag and run; which graph, first and last entry's time
    ledger_entries   _id = the entry's own; run, task, try, kind, at, what
    ledger_about     since when there has been this ledger

An entry is inserted or is there already, and of a run only what can be said in any order is kept (the
least, the greatest), so every write may be repeated and none has to wait for another. Both go by age,
entries by their own time, runs by that of their newest entry.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import OperationFailure

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import mongo
from airflow_provider_deflow.ledger import facts
from airflow_provider_deflow.ledger.entry import Batch, Entry, Run

TIMEOUT_SECONDS = 10.0
RETENTION_DAYS = 365

_TTL = "expiry"
_DAY_SECONDS = 24 * 60 * 60
_OTHER_OPTIONS = 85  # IndexOptionsConflict
_NO_INDEX = 27
_NO_COLLECTION = 26

Record = dict[str, Any]


class LedgerStore:
    """The ledger in one MongoDB database. Every call ends within `timeout_seconds`.

    :param known_as: where a person set the database up, for messages about it
    """

    def __init__(
        self,
        database: Database[Record],
        *,
        retention_days: int = RETENTION_DAYS,
        timeout_seconds: float = TIMEOUT_SECONDS,
        known_as: str = "",
    ) -> None:
        database = database.with_options(codec_options=database.codec_options.with_options(tz_aware=True))
        self._client = database.client
        self._runs = database["ledger_runs"]
        self._entries = database["ledger_entries"]
        self._about = database["ledger_about"]
        self._retention_days = retention_days
        self._timeout_seconds = timeout_seconds
        self._known_as = known_as
        self._has_indexes = False

    @classmethod
    @contextmanager
    def connected(cls, uri: str) -> Iterator[LedgerStore]:
        """The ledger in database `deflow` of the MongoDB at `uri`, closed afterwards."""
        with mongo.client_at(uri) as client:
            yield cls(client[mongo.DATABASE])

    def close(self) -> None:
        """Let go of the server, also of one that is away."""
        mongo.let_go(self._client)

    def write(self, batch: Batch) -> None:
        """Keep entries, once each however often this is called."""
        if not batch.entries:
            return
        with self._answering():
            self.ensure_indexes()
            self._entries.bulk_write([_insertion(batch.run, entry) for entry in batch.entries], ordered=False)
            self._runs.update_one({"_id": batch.run.id}, _run_update(batch), upsert=True)

    def written(self, batch: Batch) -> bool:
        """`write`, for a spool. Raises what that raises."""
        self.write(batch)
        return True

    def runs(self, graph: str | None = None, limit: int = 20) -> list[Record]:
        """The runs whose last entries are the newest."""
        with self._answering():
            found = self._runs.find({"graph": {"$exists": True}} if graph is None else {"graph": str(graph)})
            return list(found.sort("last_at", -1).limit(limit))

    def run(self, run_id: str, graph: str | None = None) -> Record:
        """The run that Airflow calls so. Raises `RunNotFound` when there is none, or several."""
        wanted = {"run_id": str(run_id)} | ({} if graph is None else {"graph": str(graph)})
        with self._answering():
            found = list(self._runs.find(wanted).limit(10))
        if len(found) == 1:
            return found[0]
        raise _not_one(run_id, graph, found, [] if found else self.runs(graph, 5))

    def entries(
        self, runs: Iterable[str], kinds: Sequence[str] | None = None, task_id: str | None = None
    ) -> list[Record]:
        """The entries of the runs with these ids, by time; of some kinds or of one task only."""
        wanted: Record = {"run": {"$in": list(runs)}} | ({} if kinds is None else {"kind": {"$in": kinds}})
        if task_id is not None:
            wanted["task_id"] = str(task_id)
        with self._answering():
            return list(self._entries.find(wanted).sort([("at", 1), ("_id", 1)]))

    def entries_since(self, kinds: Sequence[str], since: datetime) -> list[Record]:
        """The entries of these kinds of all runs, by time, each with its run's `dag_id` and `run_id`."""
        with self._answering():
            self.ensure_indexes()
            return self._with_runs(self._entries.find({"kind": {"$in": list(kinds)}, "at": {"$gte": since}}))

    def entries_about(self, name: str, values: Iterable[str], kinds: Sequence[str]) -> list[Record]:
        """Those of these kinds, whenever they were, that have one of `values` as `job_id` or `key`.

        As `entries_since` gives them, without lists: of files, of resources.
        """
        wanted = {f"what.{name}": {"$in": list(values)}, "kind": {"$in": list(kinds)}}
        with self._answering():
            self.ensure_indexes()
            return self._with_runs(self._entries.find(wanted, {"what.files": 0, "what.resources": 0}))

    def jobs_with(self, kinds: Sequence[str], among: Iterable[str]) -> set[str]:
        """Those of these jobs that have an entry of these kinds."""
        wanted = {"what.job_id": {"$in": list(among)}, "kind": {"$in": list(kinds)}}
        with self._answering():
            self.ensure_indexes()
            # Told by the index alone.
            found = self._entries.find(wanted, {"_id": 0, "what.job_id": 1})
            return {entry["what"]["job_id"] for entry in found}

    def distinct(self, kinds: Sequence[str], names: Sequence[str], since: datetime) -> list[Record]:
        """What entries of these kinds say under `names`, each combination once, the latest first."""
        group = {"_id": {name: f"$what.{name}" for name in names}, "at": {"$max": "$at"}}
        match = {"kind": {"$in": list(kinds)}, "at": {"$gte": since}}
        with self._answering():
            self.ensure_indexes()
            found = self._entries.aggregate([{"$match": match}, {"$group": group}, {"$sort": {"at": -1}}])
            return [each["_id"] for each in found]

    def latest_of_dids(self, kind: str, names: Sequence[str] = ()) -> list[Record]:
        """The last entry of this kind about each DID: `at`, its id as `entry`, and what `names` name."""
        last = {"at": {"$last": "$at"}, "entry": {"$last": "$_id"}}
        group = {"_id": "$what.did", **last, **{name: {"$last": f"$what.{name}"} for name in names}}
        match = {"kind": kind, "what.did": {"$type": "string"}}
        with self._answering():
            self.ensure_indexes()
            return list(
                self._entries.aggregate(
                    [{"$match": match}, {"$sort": {"at": 1, "_id": 1}}, {"$group": group}]
                )
            )

    def runs_of(self, dag_id: str, since: datetime, limit: int) -> list[Record]:
        """The newest runs of a Dag, those with an entry since."""
        with self._answering():
            found = self._runs.find({"dag_id": dag_id, "last_at": {"$gte": since}})
            return list(found.sort("last_at", -1).limit(limit))

    def _with_runs(self, entries: Iterable[Record]) -> list[Record]:
        found = sorted(entries, key=lambda entry: (entry["at"], entry["_id"]))
        ids = list({entry["run"] for entry in found})
        runs = {run["_id"]: run for run in self._runs.find({"_id": {"$in": ids}})}
        for entry in found:
            # Its run is written after it: a moment later it is there.
            run = runs.get(entry["run"], {})
            entry |= {"dag_id": run.get("dag_id", ""), "run_id": run.get("run_id", "")}
        return found

    def requested(self, paths: Iterable[str]) -> set[str]:
        """Those of `paths` that were asked of an Ocean Node, whatever came of it."""
        wanted = {"kind": facts.REQUEST, "what.path": {"$in": list(paths)}}
        with self._answering():
            self.ensure_indexes()
            return {entry["what"]["path"] for entry in self._entries.find(wanted, {"what.path": 1})}

    def began_at(self) -> datetime:
        """Since when this ledger has been kept, as far as it was ever known: its oldest runs go by age."""
        with self._answering():
            oldest = self._runs.find_one(sort=[("first_at", 1)])
            now = datetime.now(UTC)
            began = {"$setOnInsert": {"at": min(oldest["first_at"], now) if oldest else now}}
            self._about.update_one({"_id": "began"}, began, upsert=True)
            record = self._about.find_one({"_id": "began"})
        assert record is not None
        at: datetime = record["at"]
        return at

    def runs_by_age(self, since: datetime) -> tuple[list[Record], list[Record]]:
        """All runs: those with an entry since, and those without."""
        with self._answering():
            found = list(self._runs.find())
        return (
            [run for run in found if run["last_at"] >= since],
            [run for run in found if run["last_at"] < since],
        )

    def ensure_indexes(self) -> None:
        """Make the indexes and set how long entries stay, once; writing does it by itself."""
        if self._has_indexes:
            return
        with self._answering():
            self._entries.create_index([("run", 1), ("at", 1)])
            self._entries.create_index([("kind", 1), ("at", 1)])
            for name in ("what.job_id", "what.key"):
                # Most entries have neither.
                has_it = {name: {"$exists": True}}
                self._entries.create_index([(name, 1), ("kind", 1)], partialFilterExpression=has_it)
            self._runs.create_index([("graph", 1), ("last_at", -1)])
            self._runs.create_index([("dag_id", 1), ("last_at", -1)])
            self._runs.create_index("run_id")
            self._expire(self._entries, "at")
            self._expire(self._runs, "last_at")
        self._has_indexes = True

    def _expire(self, collection: Collection[Record], field: str) -> None:
        if self._retention_days <= 0:
            try:
                collection.drop_index(_TTL)
            except OperationFailure as error:
                if error.code not in (_NO_INDEX, _NO_COLLECTION):
                    raise
            collection.create_index(field)
            return
        seconds = self._retention_days * _DAY_SECONDS
        try:
            collection.create_index(field, name=_TTL, expireAfterSeconds=seconds)
        except OperationFailure as error:
            if error.code != _OTHER_OPTIONS:
                raise
            change = {"keyPattern": {field: 1}, "expireAfterSeconds": seconds}
            collection.database.command("collMod", collection.name, index=change)

    def _answering(self) -> AbstractContextManager[None]:
        return mongo.answering(self._client, self._timeout_seconds, self._known_as)


def _insertion(run: Run, entry: Entry) -> UpdateOne:
    values = asdict(entry)
    del values["id"]
    return UpdateOne({"_id": entry.id}, {"$setOnInsert": {"run": run.id, **values}}, upsert=True)


def _run_update(batch: Batch) -> Record:
    run = batch.run
    times = [entry.at for entry in batch.entries]
    update: Record = {
        "$setOnInsert": {"dag_id": run.dag_id, "run_id": run.run_id},
        "$min": {"first_at": min(times)},
        "$max": {"last_at": max(times)},
    }
    if run.graph:
        update["$set"] = {"graph": run.graph}
    if run.revision is not None:
        update["$max"]["revision"] = run.revision
    return update


def _not_one(run_id: str, graph: str | None, found: list[Record], newest: list[Record]) -> errors.RunNotFound:
    of = f" of graph {graph!r}" if graph else ""
    if found:
        names = ", ".join(sorted(_graph_of(run) for run in found))
        return errors.RunNotFound(f"several Dags have a run {run_id!r}: of {names}. Say which with --graph.")
    if not newest:
        return errors.RunNotFound(f"the ledger has no run {run_id!r}{of}, nor any other{of} yet.")
    known = "\n".join(f"  {run['run_id']}  ({_graph_of(run)})" for run in newest)
    return errors.RunNotFound(
        f"the ledger has no run {run_id!r}{of}. The newest are\n{known}\n`deflow runs list` shows more."
    )


def _graph_of(run: Record) -> str:
    return str(run.get("graph") or run["dag_id"])
