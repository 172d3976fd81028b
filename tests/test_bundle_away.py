# SPDX-License-Identifier: Apache-2.0
"""The bundle behind Airflow's connection while its MongoDB is killed, frozen or refuses.

The servers here belong to one test each.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from airflow.dag_processing.bundles import base
from airflow.sdk.exceptions import AirflowRescheduleException

from airflow_provider_deflow import bundle as bundles
from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs.store import LOOK_SECONDS, GraphStore
from airflow_provider_deflow.stack import mongod as part
from tests import services
from tests.test_bundle import files, publish

Bundles = Callable[..., bundles.DeflowDagBundle]

pytestmark = pytest.mark.stack

# Beside the look itself, on a busy machine.
# What is told from it are pymongo's own 30 s.
PATIENCE_SECONDS = LOOK_SECONDS + 10


@pytest.fixture(autouse=True)
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(base, "get_bundle_storage_root_path", lambda: tmp_path / "bundles")
    return tmp_path / "bundles"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Mongod]:
    """For tests that freeze it at most."""
    with services.mongod(tmp_path_factory.mktemp("mongod")) as one:
        yield one


@pytest.fixture
def server(shared: services.Mongod, monkeypatch: pytest.MonkeyPatch) -> services.Mongod:
    """A MongoDB with one published graph, which Airflow's connection leads to."""
    with pymongo.MongoClient[dict[str, Any]](shared.uri) as client:
        client.drop_database("deflow")
    return with_a_graph(shared, monkeypatch)


@pytest.fixture
def mortal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[services.Mongod]:
    """The same, of one test's own."""
    with services.mongod(tmp_path / "mongod") as one:
        yield with_a_graph(one, monkeypatch)


def with_a_graph(server: services.Mongod, monkeypatch: pytest.MonkeyPatch) -> services.Mongod:
    connect(monkeypatch, server.uri)
    graphs(server.uri, lambda store: publish(store, "one"))
    return server


def connect(monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", part.airflow_connection(uri))


def disconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's connection leads to where nobody listens."""
    connect(monkeypatch, part.uri(9))


def graphs(uri: str, work: Callable[[GraphStore], None]) -> None:
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        work(GraphStore(client["deflow"]))


@pytest.fixture
def bundle() -> Iterator[Callable[..., bundles.DeflowDagBundle]]:
    """Each call is another process's bundle."""
    made: list[bundles.DeflowDagBundle] = []

    def make(version: str | None = None) -> bundles.DeflowDagBundle:
        made.append(bundles.DeflowDagBundle(name="deflow", refresh_interval=1, version=version))
        return made[-1]

    yield make
    for each in made:
        each._let_go()


def kill(server: services.Mongod) -> None:
    server.process.kill()
    server.process.wait()


def timed(what: Callable[[], None]) -> float:
    began = time.monotonic()
    what()
    return time.monotonic() - began


def said(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.name == bundles.__name__]


def test_a_refresh_without_mongodb_keeps_the_last_good_copy_and_says_so_once(
    bundle: Bundles, mortal: services.Mongod, caplog: pytest.LogCaptureFixture
) -> None:
    one = bundle()
    one.initialize()
    kill(mortal)

    took = [timed(one.refresh) for _ in range(3)]

    assert files(one.path) == ["one.json", "one.py"]
    assert one.get_current_version() == base.BundleVersion(version="1")
    (line,) = said(caplog)
    assert line.startswith(
        "Graphs stay as in the last good copy, which is of change 1: MongoDB at 127.0.0.1:"
    )
    assert "(connection 'deflow_mongo') does not answer" in line
    # It is not asked again at once: the Dag processor has other bundles.
    assert took[0] < PATIENCE_SECONDS
    assert max(took[1:]) < LOOK_SECONDS / 2


def test_a_frozen_mongodb_holds_the_dag_processor_up_for_seconds_only(
    bundle: Bundles, server: services.Mongod
) -> None:
    one, other = bundle(), bundle()
    one.initialize()
    with server.frozen():
        took = [timed(one.refresh), timed(other.initialize)]

    assert max(took) < PATIENCE_SECONDS
    assert files(other.path) == ["one.json", "one.py"]


def test_what_was_published_meanwhile_comes_when_mongodb_is_back(
    bundle: Bundles,
    mortal: services.Mongod,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(bundles, "PAUSE_SECONDS", 0.0)
    one = bundle()
    one.initialize()
    kill(mortal)
    one.refresh()
    with services.mongod(tmp_path / "mongod", port=mortal.port) as again:
        graphs(again.uri, lambda store: publish(store, "two"))
        one.refresh()

    assert files(one.path) == ["one.json", "one.py", "two.json", "two.py"]
    assert said(caplog)[-1] == "Graphs are read from MongoDB again; they are at change 2"


def test_a_start_without_mongodb_has_the_last_good_copy(
    bundle: Bundles, server: services.Mongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle().initialize()
    disconnect(monkeypatch)

    one = bundle()
    one.initialize()

    assert files(one.path) == ["one.json", "one.py"]
    assert one.is_initialized


def test_a_start_without_mongodb_and_without_a_copy_is_told_and_deletes_no_dag(
    bundle: Bundles, server: services.Mongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of none would say that all graphs were deleted."""
    monkeypatch.setattr(bundles, "PAUSE_SECONDS", 0.0)
    disconnect(monkeypatch)
    one = bundle()

    with pytest.raises(
        errors.StoreUnreachable, match=r"no copy of them is on this host: MongoDB at .* Until"
    ) as no:
        one.initialize()

    assert "connection 'deflow_mongo'" in str(no.value)
    assert not one.is_initialized
    assert not one.path.exists()
    connect(monkeypatch, server.uri)
    one.initialize()
    assert files(one.path) == ["one.json", "one.py"]


def test_the_copy_of_an_empty_store_is_a_copy_too(
    bundle: Bundles, server: services.Mongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pymongo.MongoClient[dict[str, Any]](server.uri) as client:
        client.drop_database("deflow")
    bundle().initialize()
    disconnect(monkeypatch)

    one = bundle()
    one.initialize()

    assert files(one.path) == []


def test_a_version_is_made_from_what_is_on_this_host(
    bundle: Bundles, server: services.Mongod, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle().initialize()
    disconnect(monkeypatch)

    pinned = bundle("1")
    pinned.initialize()

    assert files(pinned.path) == ["one.json", "one.py"]


def test_a_task_whose_version_is_not_on_this_host_is_put_off(
    bundle: Bundles, server: services.Mongod, caplog: pytest.LogCaptureFixture
) -> None:
    """Airflow reschedules such a task, which is no try of it."""
    with server.frozen():
        pinned = bundle("1")
        began = time.monotonic()
        with pytest.raises(AirflowRescheduleException):
            pinned.initialize()
        assert time.monotonic() - began < PATIENCE_SECONDS

    assert "The graphs of change 1 are not on this host yet: MongoDB at" in said(caplog)[-1]
    again = bundle("1")
    again.initialize()
    assert files(again.path) == ["one.json", "one.py"]


def test_a_wrong_password_keeps_the_copy_names_the_connection_and_can_be_mended(
    bundle: Bundles,
    server: services.Mongod,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(bundles, "PAUSE_SECONDS", 0.0)
    bundle().initialize()
    graphs(server.uri, lambda store: publish(store, "two"))
    connect(monkeypatch, server.uri.replace("mongodb://", "mongodb://ann:hunter2@"))
    one = bundle()
    one.initialize()
    bundle("1").initialize()

    assert files(one.path) == ["one.json", "one.py"]
    assert (
        "(connection 'deflow_mongo') refused: AuthenticationFailed. Check its URI, login and rights."
        in caplog.text
    )
    assert "hunter2" not in caplog.text
    connect(monkeypatch, server.uri)
    one.refresh()
    assert files(one.path) == ["one.json", "one.py", "two.json", "two.py"]


@pytest.mark.parametrize(
    ("connection", "told"),
    [
        (None, "the graphs' MongoDB is not known: The conn_id `deflow_mongo` isn't defined"),
        (
            {"conn_type": "mongo", "host": "a,b:c"},
            "connection 'deflow_mongo' as MongoDB cannot be used (ValueError)",
        ),
        (
            {"conn_type": "http", "host": "h"},
            "connection 'deflow_mongo' is not for MongoDB: conn_type 'http'",
        ),
    ],
    ids=["none", "malformed", "of another type"],
)
def test_a_connection_that_is_none_keeps_the_copy_and_is_told(
    bundle: Bundles,
    server: services.Mongod,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    connection: dict[str, Any] | None,
    told: str,
) -> None:
    bundle().initialize()
    monkeypatch.delenv("AIRFLOW_CONN_DEFLOW_MONGO")
    if connection:
        secret = {"login": "ann", "password": "hunter2"}
        monkeypatch.setenv("AIRFLOW_CONN_DEFLOW_MONGO", json.dumps(connection | secret))

    one = bundle()
    one.initialize()

    assert files(one.path) == ["one.json", "one.py"]
    assert told in caplog.text
    assert "hunter2" not in caplog.text
