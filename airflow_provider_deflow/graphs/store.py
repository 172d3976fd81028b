# SPDX-License-Identifier: Apache-2.0
"""Graphs in MongoDB: drafts that people save, immutable revisions that Airflow runs.

A draft has a version, which grows with every save; who saves or publishes says which version they
saw, and is refused when there is a newer one. Publishing makes the draft the next revision.
Every publish and delete takes the next number of one change counter, in the same transaction, so
"all graphs as published at change 17" is one indexed query for ever:

    graphs           _id = slug; the draft as text, its version, author, time; the newest revision's number
    graph_revisions  slug, number, text, …; in force from `change` on and before `until`
    graph_changes    one counter

A document is kept as its canonical JSON text: its keys may hold `.` and `$`, which MongoDB would
read as its own language, its hash is that of exactly this text, and nothing ever asks for a part of
it. So nothing that a user writes is a key or an operator of a query.

Needs a replica set (of one, at least), because transactions do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import TypeVar

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError
from pymongo.read_concern import ReadConcern
from pymongo.write_concern import WriteConcern

from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs import mongo, problems
from airflow_provider_deflow.graphs.drafts import DraftText
from airflow_provider_deflow.graphs.revisions import Listed, Published, Record, Revision, Stored

__all__ = ["GraphStore", "Listed", "Published", "Revision", "Stored"]

TIMEOUT_SECONDS = 10.0
LOOK_SECONDS = 3.0

_FOREVER = 2**62
_NEVER_PUBLISHED = 0
_COUNTER = {"_id": "change"}
_WITHOUT_TEXT = {"text": 0}

T = TypeVar("T")
# Inside the class, `list` is its method.
Graphs = list[Listed]
Revisions = list[Revision]
History = list[Published]
Texts = list[str]


class GraphStore:
    """The graphs of one MongoDB database. Every call ends within `timeout_seconds`.

    :param known_as: where a person set the database up, for messages about it
    """

    def __init__(
        self, database: Database[Record], *, timeout_seconds: float = TIMEOUT_SECONDS, known_as: str = ""
    ) -> None:
        database = database.with_options(
            codec_options=database.codec_options.with_options(tz_aware=True),
            read_concern=ReadConcern("majority"),
            write_concern=WriteConcern("majority"),
        )
        self._client = database.client
        self._graphs = database["graphs"]
        self._revisions = database["graph_revisions"]
        self._changes = database["graph_changes"]
        self._timeout_seconds = timeout_seconds
        self._known_as = known_as
        self._has_indexes = False

    @classmethod
    @contextmanager
    def connected(cls, uri: str) -> Iterator[GraphStore]:
        """The store in database `deflow` of the MongoDB at `uri`, closed afterwards.

        A database that the URI names is the one that knows the login.
        """
        with mongo.client_at(uri) as client:
            yield cls(client[mongo.DATABASE])

    def close(self) -> None:
        """Let go of the server, also of one that is away."""
        mongo.let_go(self._client)

    # Drafts

    def save(self, document: object, *, based_on: int | None, author: str, message: str = "") -> Stored:
        """Save a draft, problems or not; `based_on` is the version it was made from, `None` for a new graph.

        Raises `GraphChanged` when somebody saved since, or a new graph is there already; `InvalidGraph`
        when the slug is unfit or the document is no JSON or too large.
        """
        kept = DraftText.of(document)
        slug = kept.slug
        draft = {
            "text": kept.text,
            "sha256": kept.sha256,
            "name": kept.name,
            **kept.about,
            "author": _said(author),
            "message": _said(message),
            "saved_at": _now(),
            "deleted": False,
        }
        with self._answering():
            self.ensure_indexes()
            record = self._insert(slug, draft) if based_on is None else None
            if record is None:
                expected = (
                    {"deleted": True} if based_on is None else {"version": _whole(based_on), "deleted": False}
                )
                record = self._graphs.find_one_and_update(
                    {"_id": slug, **expected},
                    {"$set": draft, "$inc": {"version": 1}},
                    return_document=ReturnDocument.AFTER,
                )
            if record is None:
                raise self._changed(slug, based_on)
            return Stored.from_record(record)

    def publish(
        self, slug: str, *, based_on: int | None, author: str, message: str = "", force: bool = False
    ) -> Revision:
        """Make the draft the next revision; an unchanged one gives the revision there is.

        `based_on` is the version of the draft that is meant, `None` for whatever it is now. Raises
        `GraphChanged` when it is another by now, `InvalidGraph` when it has problems, unless `force`.
        """
        with self._answering():
            draft = self.draft(slug)
            if based_on is not None and draft.version != _whole(based_on):
                raise self._changed(slug, based_on)
            found = [] if force else problems.find_problems(draft.document)
            if found:
                raise errors.InvalidGraph(slug, found)
            self.ensure_indexes()
            return self._in_transaction(
                lambda session: self._publish(session, draft, _said(author), _said(message))
            )

    def draft(self, slug: str) -> Stored:
        """The draft as saved last. Raises `GraphNotFound`."""
        with self._answering():
            record = self._graphs.find_one({"_id": _said(slug)})
        if record is None or record["deleted"]:
            raise _not_found(slug, record)
        return Stored.from_record(record)

    def list(self) -> Graphs:
        """All graphs but deleted ones, by slug."""
        with self._answering():
            found = self._graphs.find({"deleted": False}, _WITHOUT_TEXT).sort("_id")
            return [Listed.from_record(record) for record in found]

    def delete(self, slug: str, author: str) -> None:
        """Take a graph out of the list and out of Airflow; its revisions stay readable."""
        with self._answering():
            self.ensure_indexes()
            self._in_transaction(lambda session: self._delete(session, _said(slug), _said(author)))

    # Revisions

    def revision(self, slug: str, number: int | None = None) -> Revision:
        """A revision, also of a deleted graph; without a number the one in force. Raises `GraphNotFound`."""
        wanted = {"until": _FOREVER} if number is None else {"number": _whole(number)}
        with self._answering():
            record = self._revisions.find_one({"slug": _said(slug), **wanted})
            if record is None:
                raise self._no_revision(slug, number)
        return Revision.from_record(record)

    def history(self, slug: str) -> History:
        """All revisions that ever were, newest first, also of a deleted graph."""
        with self._answering():
            found = self._revisions.find({"slug": _said(slug)}, _WITHOUT_TEXT).sort("number", -1)
            return [Published.from_record(record) for record in found]

    def change(self) -> int:
        """How many publishes and deletes there have been: who has seen this number has seen them all.

        A look, which is not waited for longer than `LOOK_SECONDS`.
        """
        with mongo.answering(self._client, min(self._timeout_seconds, LOOK_SECONDS), self._known_as):
            record = self._changes.find_one(_COUNTER)
        return record["change"] if record else 0

    def published_at(self, change: int | None = None) -> Revisions:
        """All revisions in force after `change` (now, when not given), by slug."""
        with self._answering():
            return sorted(
                map(Revision.from_record, self._in_force(change)), key=lambda revision: revision.slug
            )

    def published_list_at(self, change: int | None = None) -> History:
        """`published_at` without the documents."""
        with self._answering():
            found = map(Published.from_record, self._in_force(change, _WITHOUT_TEXT))
            return sorted(found, key=lambda revision: revision.slug)

    def texts(self) -> Texts:
        """All documents that there are, drafts and revisions, also of deleted graphs."""
        with self._answering():
            return [
                record["text"]
                for collection in (self._graphs, self._revisions)
                for record in collection.find({}, {"text": 1})
            ]

    def ensure_indexes(self) -> None:
        """Make the indexes and the counter, once; writing does it by itself."""
        if self._has_indexes:
            return
        with self._answering():
            self._revisions.create_index([("slug", 1), ("number", 1)], unique=True)
            self._revisions.create_index([("until", 1), ("change", 1)])
            self._changes.update_one(_COUNTER, {"$setOnInsert": {"change": 0}}, upsert=True)
        self._has_indexes = True

    # Within a transaction, and errors

    def _insert(self, slug: str, draft: Record) -> Record | None:
        record = {**draft, "_id": slug, "version": 1, "number": _NEVER_PUBLISHED, "published_sha256": None}
        try:
            self._graphs.insert_one(record)
        except DuplicateKeyError:
            return None
        return record

    def _publish(self, session: ClientSession, draft: Stored, author: str, message: str) -> Revision:
        slug = draft.slug
        now_and_then = {"_id": slug, "version": draft.version, "deleted": False}
        record = self._graphs.find_one(now_and_then, session=session)
        if record is None:
            raise self._changed(slug, draft.version)
        if record["sha256"] == record["published_sha256"]:
            found = self._revisions.find_one({"slug": slug, "number": record["number"]}, session=session)
            if found is not None:
                return Revision.from_record(found)
        change = self._next_change(session)
        revision = {
            "slug": slug,
            "number": record["number"] + 1,
            "text": record["text"],
            "sha256": record["sha256"],
            "author": author,
            "message": message,
            "published_at": _now(),
            "change": change,
            "until": _FOREVER,
        }
        self._end_revision(session, slug, change)
        self._revisions.insert_one(revision, session=session)
        published = {"number": revision["number"], "published_sha256": revision["sha256"]}
        self._graphs.update_one({"_id": slug}, {"$set": published}, session=session)
        return Revision.from_record(revision)

    def _delete(self, session: ClientSession, slug: str, author: str) -> None:
        deleted = {"deleted": True, "author": author, "saved_at": _now(), "published_sha256": None}
        record = self._graphs.find_one_and_update(
            {"_id": slug, "deleted": False}, {"$set": deleted, "$inc": {"version": 1}}, session=session
        )
        if record is None:
            raise _not_found(slug, self._graphs.find_one({"_id": slug}, session=session))
        self._end_revision(session, slug, self._next_change(session))

    def _next_change(self, session: ClientSession) -> int:
        record: Record | None = self._changes.find_one_and_update(
            _COUNTER,
            {"$inc": {"change": 1}},
            upsert=True,
            return_document=ReturnDocument.AFTER,
            session=session,
        )
        return int(record["change"]) if record else 1

    def _end_revision(self, session: ClientSession, slug: str, change: int) -> None:
        self._revisions.update_one(
            {"slug": slug, "until": _FOREVER}, {"$set": {"until": change}}, session=session
        )

    def _in_force(self, change: int | None, fields: Record | None = None) -> Iterator[Record]:
        # The change is fixed first, so a publish meanwhile cannot show a graph twice or not at all.
        at = self.change() if change is None else _whole(change)
        return iter(self._revisions.find({"until": {"$gt": at}, "change": {"$lte": at}}, fields))

    def _in_transaction(self, work: Callable[[ClientSession], T]) -> T:
        with self._client.start_session() as session:
            return session.with_transaction(
                work, read_concern=ReadConcern("snapshot"), write_concern=WriteConcern("majority")
            )

    def _answering(self) -> AbstractContextManager[None]:
        return mongo.answering(self._client, self._timeout_seconds, self._known_as)

    def _changed(self, slug: str, based_on: int | None) -> errors.GraphError:
        record = self._graphs.find_one({"_id": slug}, _WITHOUT_TEXT)
        if record is None:
            return _not_found(slug, None)
        what = f"{'deleted' if record['deleted'] else 'saved'} by {record['author'] or 'somebody'}"
        yours = "and yours is new" if based_on is None else f"and yours is made from version {based_on}"
        return errors.GraphChanged(
            f"graph {slug!r} was {what} at {record['saved_at']:%Y-%m-%d %H:%M:%S} UTC: it is at version "
            f"{record['version']}, {yours}. Load it again and bring your changes in."
        )

    def _no_revision(self, slug: str, number: int | None) -> errors.GraphNotFound:
        if number is not None:
            return errors.GraphNotFound(
                f"graph {slug!r} has no revision {number}: `deflow graphs show {slug}` shows the newest"
            )
        record = self._graphs.find_one({"_id": _said(slug)}, _WITHOUT_TEXT)
        if record is None or record["deleted"]:
            return _not_found(slug, record)
        return errors.GraphNotFound(f"graph {slug!r} is a draft only: publish it first")


def _said(text: str) -> str:
    """What a person or program called something, fit for MongoDB: Unicode, and not endless."""
    return str(text)[:2000].encode(errors="replace").decode()


def _whole(number: int) -> int:
    """A number that MongoDB can hold; nothing has one as large as the largest of these."""
    return max(-1, min(int(number), _FOREVER - 1))


def _now() -> datetime:
    """Now, to the millisecond, which is what MongoDB keeps."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _not_found(slug: str, record: Record | None) -> errors.GraphNotFound:
    if record is None:
        return errors.GraphNotFound(f"there is no graph {slug!r}: `deflow graphs list` shows all")
    return errors.GraphNotFound(
        f"graph {slug!r} was deleted by {record['author'] or 'somebody'} at "
        f"{record['saved_at']:%Y-%m-%d %H:%M:%S} UTC; its revisions stay readable by number"
    )
