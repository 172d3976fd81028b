# SPDX-License-Identifier: Apache-2.0
"""Writes the ledger for one task, so that the task never feels it.

Every call ends within about `CALL_SECONDS` and raises nothing. What MongoDB does not take in that time
goes to the spool, and so does all that follows: a MongoDB that is away costs a task two waits, that one
and another at its end, when it brings what lies in the spool, its own and others'. Only when the storage
is away too, or the spool is full, is an entry lost, and the log says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

from airflow_provider_deflow import errors
from airflow_provider_deflow.ledger.entry import Batch, Entry, Fact, Place, Run
from airflow_provider_deflow.ledger.spool import Spool, SpoolFull

CALL_SECONDS = 2.0
# Of others' entries no task brings more at its end: upkeep has the time.
MAX_BROUGHT = 200


class NoLedger(Exception):
    """Nobody keeps a ledger here: raised by what would open it."""


class Writer(Protocol):
    """What keeps entries: a `LedgerStore`."""

    def write(self, batch: Batch) -> None:
        """Keep entries, or raise."""


class Recorder:
    """Records about one try of one task.

    :param open_writer: connects to the ledger; called once, at the first entry. None: to the spool only
    :param open_spool: opens the spool; called when it is needed
    :param warn: told once when entries cannot be written, and once when one is lost
    """

    def __init__(
        self,
        run: Run,
        place: Place,
        open_writer: Callable[[], AbstractContextManager[Writer]] | None,
        open_spool: Callable[[], Spool],
        warn: Callable[[str], None],
    ) -> None:
        self._run = run
        self._place = place
        self._open_writer = open_writer
        self._open_spool = open_spool
        self._warn = warn
        self._said: set[str] = set()
        self._opened = ExitStack()
        self._writer: Writer | None = None
        self._spool: Spool | None = None
        self._is_away = False
        self._is_kept = True

    def record(self, *facts: Fact | None) -> None:
        """Keep what happened; None is nothing that happened."""
        happened = [fact for fact in facts if fact is not None]
        if not happened:
            return
        try:
            batch = Batch(self._run, tuple(Entry.of(self._run, self._place, fact) for fact in happened))
            if not self._write(batch) and self._is_kept:
                self._put_by(batch)
        except Exception as error:  # whatever is wrong with its history, a run goes on
            why = str(error) if isinstance(error, SpoolFull) else type(error).__name__
            self._say("lost", f"an entry of this task's history is lost: {why}")

    def aside(self) -> Recorder:
        """One that only uses the spool: for signal handlers, which may have interrupted a write."""
        return Recorder(self._run, self._place, None, self._open_spool, self._warn)

    def close(self) -> None:
        """Bring what lies in the spool, as far as there is time, and let go of MongoDB."""
        try:
            self._is_away = False
            self.bring()
        finally:
            try:
                self._opened.close()
            except Exception as error:
                self._say("close", f"the ledger was not closed well: {type(error).__name__}")

    def bring(self) -> None:
        """Write what lies in the spool, this task's and others', and take it away there."""
        try:
            give_up_at = time.monotonic() + CALL_SECONDS
            for file in self._the_spool().bring(self._write, give_up_at, MAX_BROUGHT):
                self._say(str(file), f"{file} is no part of the ledger: look at it and take it away")
        except Exception as error:  # it stays there for the next one
            self._say("bring", f"the ledger's spool could not be read: {type(error).__name__}")

    def _write(self, batch: Batch) -> bool:
        if self._open_writer is None or self._is_away:
            return False
        try:
            if self._writer is None:
                self._writer = self._opened.enter_context(self._open_writer())
            self._writer.write(batch)
        except NoLedger:
            # What lies in the spool stays: it is of a time when somebody kept one.
            self._is_away, self._is_kept = True, False
            return False
        except Exception as error:  # pymongo's, Airflow's, the resolver's: to a run they are all one
            self._is_away = True
            # Only our own words are known to hold no password.
            why = str(error) if isinstance(error, errors.DeflowError) else type(error).__name__
            self._say("away", f"the ledger cannot be written now, which is made up for later: {why}")
            return False
        return True

    def _put_by(self, batch: Batch) -> None:
        self._the_spool().keep(batch)

    def _the_spool(self) -> Spool:
        if self._spool is None:
            self._spool = self._open_spool()
        return self._spool

    def _say(self, what: str, text: str) -> None:
        if what not in self._said:
            self._said.add(what)
            self._warn(text)
