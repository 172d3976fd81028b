# SPDX-License-Identifier: Apache-2.0
"""Jobs, nonces, tokens and buckets in one SQLite file, kept over restarts.

Every call is one short transaction on the loop's thread, so two requests never interleave within one.
Addresses are compared as text, letter case included, as a real node does.
"""

from __future__ import annotations

import json
import math
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from airflow_provider_deflow.local_ocean_node.javascript import as_number, as_text
from airflow_provider_deflow.local_ocean_node.job import Job

_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
    job_id TEXT PRIMARY KEY, owner TEXT NOT NULL, environment TEXT NOT NULL, status INTEGER NOT NULL,
    created TEXT NOT NULL, finished TEXT, record TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS jobs_by_end ON jobs (finished);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner);
CREATE TABLE IF NOT EXISTS nonces (address TEXT PRIMARY KEY, nonce INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS tokens (
    token TEXT PRIMARY KEY, address TEXT NOT NULL, valid_until REAL, revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS buckets (
    bucket_id TEXT PRIMARY KEY, owner TEXT NOT NULL, created INTEGER NOT NULL, access_lists TEXT NOT NULL,
    label TEXT);
"""


@dataclass(frozen=True, slots=True)
class Bucket:
    bucket_id: str
    owner: str
    created: int
    access_lists: list[Any]
    label: str | None


class Store:
    """The node's memory."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        # A lost last second after a power cut is fine on a laptop; a lost file is not.
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.executescript(_TABLES)

    def close(self) -> None:
        self._connection.close()

    # jobs

    def save_job(self, job: Job) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                job.job_id,
                job.owner,
                job.environment,
                job.status,
                job.created,
                job.finished,
                json.dumps({**asdict(job), "max_duration": _in_integer_column(job.max_duration)}),
            ),
        )

    def change_job(self, job_id: str, **changes: Any) -> Job:
        """Change only these fields: a stop that came in meanwhile is not undone by an engine's step."""
        job = self.job(job_id)
        if job is None:
            raise LookupError(f"job {job_id} is not in the store")
        job = replace(job, **changes)
        self.save_job(job)
        return job

    def job(self, job_id: str) -> Job | None:
        found = self._jobs("job_id = ?", (job_id,))
        return found[0] if found else None

    def jobs(
        self, *, job_id: str | None = None, owner: str | None = None, any_case: bool = False
    ) -> list[Job]:
        """Those that match whatever is given: with nothing given, all of them."""
        same_owner = "owner = ?2 COLLATE NOCASE" if any_case else "owner = ?2"
        return self._jobs(f"(?1 IS NULL OR job_id = ?1) AND (?2 IS NULL OR {same_owner})", (job_id, owner))

    def unfinished_jobs(self) -> list[Job]:
        return self._jobs("finished IS NULL ORDER BY created", ())

    def finished_jobs(self, statuses: Iterable[int] | None = None) -> list[Job]:
        wanted = None if statuses is None else set(statuses)
        finished = self._jobs("finished IS NOT NULL", ())
        return [job for job in finished if wanted is None or job.status in wanted]

    def listed_jobs(
        self, environments: Sequence[str], owners: Sequence[str], since: str | float | None, running: bool
    ) -> list[Job]:
        """The newest first; `since` is compared as text or number, whichever it is."""
        conditions, values = ["1=1"], list[Any]()
        for column, wanted in (("environment", environments), ("owner", owners)):
            if wanted:
                conditions.append(f"{column} IN ({','.join('?' * len(wanted))})")
                values += wanted
        if running:
            conditions.append("status = 40")
        if since:
            column = "created" if running else "finished"
            conditions.append(f"{column} >= ?" if isinstance(since, str) else f"CAST({column} AS REAL) >= ?")
            values.append(since)
        return self._jobs(" AND ".join(conditions) + " ORDER BY created DESC", values)

    def forget_job(self, job_id: str) -> None:
        self._connection.execute("DELETE FROM jobs WHERE job_id = ?", (job_id,))

    def _jobs(self, condition: str, values: Sequence[Any]) -> list[Job]:
        # What is asked for may be anything that JSON can hold.
        texts = [value if isinstance(value, (str, float, type(None))) else as_text(value) for value in values]
        rows = self._connection.execute(f"SELECT record FROM jobs WHERE {condition}", texts)
        return [Job(**json.loads(record)) for (record,) in rows]

    # nonces

    def nonce(self, address: str) -> int:
        row = self._connection.execute("SELECT nonce FROM nonces WHERE address = ?", (address,)).fetchone()
        return int(row[0]) if row else 0

    def save_nonce(self, address: str, nonce: int) -> None:
        self._connection.execute("INSERT OR REPLACE INTO nonces VALUES (?, ?)", (address, nonce))

    # tokens

    def save_token(self, token: str, address: str, valid_until_ms: float | None) -> None:
        self._connection.execute(
            "INSERT INTO tokens (token, address, valid_until) VALUES (?, ?, ?)",
            (token, address, valid_until_ms),
        )

    def token_address(self, token: str) -> str | None:
        """Whose token this is, if it is valid now."""
        row = self._connection.execute(
            "SELECT address FROM tokens WHERE token = ? AND NOT revoked"
            " AND (valid_until IS NULL OR valid_until >= ?)",
            (token, time.time() * 1000),
        ).fetchone()
        return str(row[0]) if row else None

    def token_valid_until(self, token: str) -> float | None:
        row = self._connection.execute("SELECT valid_until FROM tokens WHERE token = ?", (token,)).fetchone()
        return row[0] if row else None

    def revoke_token(self, token: str) -> None:
        self._connection.execute("UPDATE tokens SET revoked = 1 WHERE token = ?", (token,))

    # buckets

    def save_bucket(self, bucket: Bucket) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO buckets VALUES (?, ?, ?, ?, ?)",
            (bucket.bucket_id, bucket.owner, bucket.created, json.dumps(bucket.access_lists), bucket.label),
        )

    def bucket(self, bucket_id: str) -> Bucket | None:
        found = self._buckets("bucket_id = ?", bucket_id)
        return found[0] if found else None

    def buckets_of(self, owner: str) -> list[Bucket]:
        return self._buckets("owner = ? ORDER BY created, rowid", owner)

    def _buckets(self, condition: str, value: str) -> list[Bucket]:
        rows = self._connection.execute(f"SELECT * FROM buckets WHERE {condition}", (value,))
        return [
            Bucket(bucket_id, owner, created, json.loads(lists), label)
            for bucket_id, owner, created, lists, label in rows
        ]


def _in_integer_column(value: Any) -> Any:
    """Text that is a number becomes one, as in the column where the real node keeps it."""
    if not isinstance(value, str):
        return value
    number = as_number(value) if value.strip() else math.nan
    if math.isnan(number):
        return value
    return int(number) if number.is_integer() else number
