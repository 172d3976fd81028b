# SPDX-License-Identifier: Apache-2.0
"""A task records through Airflow's connection: MongoDB away, frozen or refusing costs it nothing but seconds.

The servers here belong to one test each, because they are killed and frozen.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pymongo
import pytest
from upath import UPath

from airflow_provider_deflow.hooks import storage
from airflow_provider_deflow.hooks.recording import recorder
from airflow_provider_deflow.ledger import spool
from airflow_provider_deflow.ledger.entry import Batch, Place
from airflow_provider_deflow.ledger.recorder import CALL_SECONDS, Recorder
from airflow_provider_deflow.ledger.spool import Spool
from airflow_provider_deflow.stack import mongod as part
from tests import services
from tests.ledger.entries import RUN, began, ended, fact

# A call may look for the server, and then for the spool. What is told from it are pymongo's own 30 s.
MACHINE_SECONDS = 5
PATIENCE_SECONDS = CALL_SECONDS + MACHINE_SECONDS


@pytest.fixture
def server(tmp_path: Path) -> Iterator[services.Mongod]:
    with services.mongod(tmp_path / "mongod") as one:
        yield one


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    monkeypatch.delenv("AIRFLOW_CONN_DEFLOW_MONGO", raising=False)
    return tmp_path


@pytest.fixture
def connected(server: services.Mongod, monkeypatch: pytest.MonkeyPatch) -> services.Mongod:
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", part.airflow_connection(server.uri))
    return server


def ledger(try_number: int = 1) -> Recorder:
    return recorder(RUN, Place("train", -1, try_number))


def spooled() -> list[Path]:
    folder: Any = storage.ledger_spool()._folder
    return sorted(folder.iterdir()) if folder.exists() else []


def kinds(server: services.Mongod) -> list[str]:
    with pymongo.MongoClient[dict[str, Any]](server.uri) as client:
        return [each["kind"] for each in client["deflow"]["ledger_entries"].find().sort("at")]


def timed(what: Any, *arguments: Any) -> float:
    began_at = time.monotonic()
    what(*arguments)
    return time.monotonic() - began_at


def test_what_a_task_records_is_there_at_once(connected: services.Mongod) -> None:
    one = ledger()
    one.record(began(), None, ended(1))

    assert kinds(connected) == ["attempt began", "attempt ended"]
    one.close()
    assert spooled() == []


def test_a_server_that_is_killed_in_the_middle_gets_the_rest_from_the_next_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    with services.mongod(tmp_path / "mongod") as server:
        monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", part.airflow_connection(server.uri))
        one = ledger()
        one.record(began())
        server.process.kill()
        server.process.wait()
        took = [timed(one.record, fact("request", number)) for number in range(1, 6)]
        took.append(timed(one.close))

    assert max(took) < PATIENCE_SECONDS
    # After the first it is not waited for any more.
    assert max(took[1:5]) < CALL_SECONDS
    assert len(spooled()) == 5
    said = [record.getMessage() for record in caplog.records if record.name.startswith("airflow_provider")]
    assert len(said) == 1
    assert "the ledger cannot be written now" in said[0]

    with services.mongod(tmp_path / "mongod") as server:
        monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", part.airflow_connection(server.uri))
        ledger(2).close()

        assert kinds(server) == ["attempt began", *["request"] * 5]
    assert spooled() == []


def test_the_same_task_makes_up_for_it_at_its_end(
    connected: services.Mongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = ledger()
    os.kill(connected.process.pid, signal.SIGSTOP)
    one.record(began())
    assert len(spooled()) == 1
    os.kill(connected.process.pid, signal.SIGCONT)
    one.close()

    assert kinds(connected) == ["attempt began"]
    assert spooled() == []


def test_a_frozen_server_holds_a_task_up_twice(connected: services.Mongod) -> None:
    """At its first entry and at its end, for as long as one call may take; in a new process or an old one."""
    one, other = ledger(), ledger(2)
    one.record(began())
    with connected.frozen():
        for task in (one, other):
            took = [timed(task.record, fact("request", number)) for number in range(1, 10)]
            took.append(timed(task.close))

            assert sum(took) < 2 * CALL_SECONDS + MACHINE_SECONDS

    assert len(spooled()) == 18


def test_a_wrong_password_is_told_and_not_shown(
    server: services.Mongod, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = server.uri.replace("mongodb://", "mongodb://ann:hunter2@")
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", part.airflow_connection(wrong))
    one = ledger()
    assert timed(one.record, began()) < PATIENCE_SECONDS
    assert timed(one.close) < PATIENCE_SECONDS

    assert (
        "(connection 'deflow_mongo') refused: AuthenticationFailed. Check its URI, login and rights"
        in caplog.text
    )
    assert "hunter2" not in caplog.text
    assert len(spooled()) == 1


def test_a_uri_that_is_none_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"conn_type": "mongo", "host": "a,b:c", "login": "ann", "password": "hunter2"}
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps(broken))
    one = ledger()
    one.record(began())
    one.close()

    assert "the ledger cannot be written now" in caplog.text
    assert "hunter2" not in caplog.text
    assert len(spooled()) == 1


def test_without_a_connection_there_is_no_ledger_and_no_word(caplog: pytest.LogCaptureFixture) -> None:
    one = ledger()
    one.record(began())
    one.close()

    assert (spooled(), caplog.records) == ([], [])


def test_without_a_connection_what_was_put_by_stays(
    connected: services.Mongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may have taken the connection away for a moment."""
    ledger().aside().record(began())
    monkeypatch.delenv("AIRFLOW_CONN_DEFLOW_MONGO")
    one = ledger(2)
    one.record(began(9, 2))
    one.close()

    assert len(spooled()) == 1


def test_a_storage_that_is_away_too_loses_entries_and_not_the_task(
    home: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (home / "file").write_text("in the way")
    monkeypatch.setenv("AIRFLOW__DEFLOW__STORAGE", f"file://{home}/file/storage")
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", part.airflow_connection("mongodb://127.0.0.1:9"))
    one = ledger()
    one.record(began())
    one.close()

    assert "an entry of this task's history is lost" in caplog.text


def test_a_full_spool_takes_no_more_and_says_so_once(
    connected: services.Mongod, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(spool, "MAX_FILES", 3)
    ledger().aside().record(began())
    second = ledger(2).aside()
    for number in range(1, 5):
        second.record(fact("request", number))

    assert len(spooled()) == 3
    (line,) = [record.getMessage() for record in caplog.records]
    assert "an entry of this task's history is lost: 3 files lie in " in line
    ledger(3).close()
    assert kinds(connected) == ["attempt began", "request", "request"]
    assert spooled() == []


def test_a_spool_beside_files_that_are_not_ours_is_brought_and_they_stay(
    connected: services.Mongod, caplog: pytest.LogCaptureFixture
) -> None:
    ledger().aside().record(began())
    strange = spooled()[0].with_name("strange.json")
    strange.write_text('{"run": {"dag_id": "d"}, "entries": [{"$where": 1}]}')

    ledger(2).close()

    assert kinds(connected) == ["attempt began"]
    assert spooled() == [strange]
    assert "strange.json is no part of the ledger" in caplog.text


def test_a_signal_handler_only_uses_the_spool(connected: services.Mongod) -> None:
    one = ledger()
    one.record(began())
    one.aside().record(fact("attempt told to end", 5))

    assert (kinds(connected), len(spooled())) == (["attempt began"], 1)
    one.close()
    assert kinds(connected) == ["attempt began", "attempt told to end"]


def test_a_spool_in_an_object_store_is_brought_from_there() -> None:
    folder = Spool(UPath(f"memory://{uuid.uuid4().hex}"))
    assert list(folder.kept()) == []
    place = Place("train", -1, 1)
    Recorder(RUN, place, None, lambda: folder, print).record(began())
    ((_, kept),) = folder.kept()
    brought: list[Batch] = []
    writer = SimpleNamespace(write=brought.append)

    Recorder(RUN, place, lambda: nullcontext(writer), lambda: folder, print).close()

    assert (brought, list(folder.kept())) == ([kept], [])
