# SPDX-License-Identifier: Apache-2.0
"""The versioned bundle on a real MongoDB: what is written, what stays, what a pinned version holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from airflow.dag_processing.bundles import base

from airflow_provider_deflow import bundle as bundles
from airflow_provider_deflow import errors
from airflow_provider_deflow.graphs.store import GraphStore

if TYPE_CHECKING:
    from pymongo.database import Database

pytestmark = pytest.mark.stack

ALGORITHM = {"code": "print(1)", "image": "python:3.11", "entrypoint": "python3 $ALGO"}


@pytest.fixture
def store(mongo_database: Database[dict[str, Any]]) -> GraphStore:
    return GraphStore(mongo_database)


@pytest.fixture
def storage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(base, "get_bundle_storage_root_path", lambda: tmp_path)
    return tmp_path


class Bundle(bundles.DeflowDagBundle):
    """The bundle with a given store in place of the one behind an Airflow connection."""

    def __init__(self, store: GraphStore, version: str | None = None) -> None:
        super().__init__(name="deflow", refresh_interval=1, version=version)
        self._given = store

    def _open_store(self) -> GraphStore:
        return self._given

    def _let_go(self) -> None:
        """The store is the test's."""


def publish(store: GraphStore, slug: str, code: str = "print(1)") -> None:
    try:
        based_on: int | None = store.draft(slug).version
    except errors.GraphNotFound:
        based_on = None
    document = {"slug": slug, "nodes": [{"id": "a", "data": {"algorithm": {**ALGORITHM, "code": code}}}]}
    draft = store.save(document, based_on=based_on, author="test")
    store.publish(slug, based_on=draft.version, author="test")


def files(folder: Path) -> list[str]:
    """Those of graphs."""
    return sorted(file.name for file in folder.iterdir() if file.name not in bundles.OWN_FILES)


def test_each_graph_is_a_loader_and_a_json_file(store: GraphStore, storage: Path) -> None:
    publish(store, "one")
    publish(store, "two")
    bundle = Bundle(store)

    bundle.initialize()

    assert files(bundle.path) == ["one.json", "one.py", "two.json", "two.py"]
    assert bundle.get_current_version() == base.BundleVersion(version="2")


def test_unchanged_graphs_keep_their_files(store: GraphStore, storage: Path) -> None:
    publish(store, "one")
    publish(store, "two")
    bundle = Bundle(store)
    bundle.initialize()
    before = {name: (bundle.path / name).stat() for name in files(bundle.path)}

    publish(store, "two", "print(2)")
    bundle.refresh()

    after = {name: (bundle.path / name).stat() for name in files(bundle.path)}
    same = [
        name
        for name in after
        if (after[name].st_ino, after[name].st_mtime_ns) == (before[name].st_ino, before[name].st_mtime_ns)
    ]
    assert same == ["one.json", "one.py"]
    assert bundle.get_current_version() == base.BundleVersion(version="3")


def test_a_pinned_version_holds_the_revisions_of_its_time(store: GraphStore, storage: Path) -> None:
    publish(store, "one")
    publish(store, "one", "print(2)")
    store.delete("one", author="test")

    pinned = Bundle(store, version="1")
    pinned.initialize()

    assert files(pinned.path) == ["one.json", "one.py"]
    assert json.loads((pinned.path / "one.json").read_text())["revision"] == 1
    after = Bundle(store, version="3")
    after.initialize()
    assert files(after.path) == []


def test_a_deleted_graph_leaves_the_current_files(store: GraphStore, storage: Path) -> None:
    publish(store, "one")
    bundle = Bundle(store)
    bundle.initialize()

    store.delete("one", author="test")
    bundle.refresh()

    assert files(bundle.path) == []


def test_a_torn_index_is_as_if_it_were_not_there(store: GraphStore, storage: Path) -> None:
    publish(store, "one")
    bundle = Bundle(store)
    bundle.initialize()
    (bundle.base_dir / "index" / "1.json").write_text('{"on')

    pinned = Bundle(store, version="1")
    pinned.initialize()

    assert files(pinned.path) == ["one.json", "one.py"]


def test_equal_numbers_of_another_database_are_other_files(
    store: GraphStore, storage: Path, mongo_database: Database[dict[str, Any]]
) -> None:
    publish(store, "one", "print('old')")
    Bundle(store).initialize()
    for name in mongo_database.list_collection_names():
        mongo_database[name].delete_many({})
    publish(store, "one", "print('new')")
    publish(store, "two")

    bundle = Bundle(store)
    bundle.initialize()

    assert "print('new')" in (bundle.path / "one.json").read_text()


def test_a_loader_builds_the_dag_of_its_file(store: GraphStore, storage: Path) -> None:
    publish(store, "one")
    bundle = Bundle(store)
    bundle.initialize()
    loaded: dict[str, Any] = {"__file__": str(bundle.path / "one.py")}

    exec((bundle.path / "one.py").read_text(), loaded)

    assert loaded["dag"].dag_id == "deflow_one"
    assert sorted(task.task_id for task in loaded["dag"].tasks) == ["a", "results"]


def test_deflow_s_own_dags_are_in_every_folder_with_graphs_and_without(
    store: GraphStore, storage: Path
) -> None:
    current = Bundle(store)
    current.initialize()
    of_nothing = Bundle(store, version="0")
    of_nothing.initialize()
    publish(store, "one")
    current.refresh()
    of_one = Bundle(store, version="1")
    of_one.initialize()

    for folder in (current.path, of_nothing.path, of_one.path):
        for name in ("deflow_upkeep", "deflow_publish"):
            loaded: dict[str, Any] = {"__file__": str(folder / f"{name}.py")}
            exec((folder / f"{name}.py").read_text(), loaded)
            assert loaded["dag"].dag_id == name


def test_files_of_a_release_without_own_dags_get_them(store: GraphStore, storage: Path) -> None:
    publish(store, "one")
    current, pinned = Bundle(store), Bundle(store, version="1")
    current.initialize()
    pinned.initialize()
    for bundle in (current, pinned):
        for name in bundles.OWN_FILES:
            (bundle.path / name).unlink()

    current.refresh()
    pinned.initialize()

    assert all((bundle.path / name).exists() for bundle in (current, pinned) for name in bundles.OWN_FILES)
