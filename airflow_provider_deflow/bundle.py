# SPDX-License-Identifier: Apache-2.0
"""The graph store as a versioned Dag bundle.

A version is the store's change counter: "all graphs as published at change 17". In a version's
folder each graph is two files: a loader of two lines, always the same, and a JSON file with the
published revision. Files live in `revisions/`, written once; a version is a folder of hard links
to them, so unchanged graphs keep their files, and a thousand graphs cost a thousand links.

    <base>/revisions/<slug>@<revision>-<sha256>.json   every revision ever needed on this host
    <base>/current/<slug>.{py,json}                    what the Dag processor reads; the rest is untouched
    <base>/versions/<change>/<slug>.{py,json}          what a worker runs from: never changed once there
    …/deflow_upkeep.py, …/deflow_publish.py            beside the graphs, DeFlow's own Dags
    <base>/index/<change>.json                         which revisions make up a change

While MongoDB is away, or refuses, `current` stays as it is, and a version whose index and revisions are
on this host can still be made. On a host that has no copy, nothing is made of nothing: an empty folder
would tell Airflow that all graphs were deleted. The Dag processor goes on with its other bundles and
looks again; a task is put off until its files can be had, which is no try of it.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion
from airflow.sdk.exceptions import AirflowNotFoundException, AirflowRescheduleException

from airflow_provider_deflow import errors
from airflow_provider_deflow.hooks.store import GraphStoreHook

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from airflow_provider_deflow.graphs.store import GraphStore, Revision

LOADER = '''"""A graph drawn in DeFlow, as an Airflow Dag. Change the drawing, not this file."""

from airflow_provider_deflow.dag_factory import dag_from_file

dag = dag_from_file(__file__)
'''
UPKEEP_LOADER = '''"""Stops, saves and clears what no task looks after. Its settings are in [deflow]."""

from airflow_provider_deflow.upkeep.dag import upkeep_dag

dag = upkeep_dag()
'''
PUBLISH_LOADER = '''"""Publishes what is asked for in the DeFlow page, or over its API."""

from airflow_provider_deflow.publication import publish_dag

dag = publish_dag()
'''
# The Dags that are there without a graph.
OWN_FILES = {"deflow_upkeep.py": UPKEEP_LOADER, "deflow_publish.py": PUBLISH_LOADER}
NO_CHANGE = 0
# A Dag processor has other bundles too: MongoDB is not asked again at once when it did not answer.
PAUSE_SECONDS = 10.0
# While it stays so, the log says so again only now and then.
SAID_AGAIN_SECONDS = 300.0
# A task whose files cannot be had looks again then.
PUT_OFF_SECONDS = 20.0

Away = (errors.StoreUnreachable, errors.SettingsError)

T = TypeVar("T")

log = logging.getLogger(__name__)


class DeflowDagBundle(BaseDagBundle):
    """One Dag file per published graph, at the newest or at a pinned version.

    :param mongo_conn_id: the `mongo` connection of the graph store; `[deflow] mongo_conn_id` when not given
    """

    supports_versioning = True

    def __init__(self, *, mongo_conn_id: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mongo_conn_id = mongo_conn_id
        self._store: GraphStore | None = None
        self._away: errors.DeflowError | None = None
        self._ask_again_at = 0.0
        self._said_at: float | None = None

    @property
    def path(self) -> Path:
        """The pinned version's folder, or the one that follows the store."""
        return self.versions_dir / self.version if self.version else self.base_dir / "current"

    def initialize(self) -> None:
        """Put the files in place; a pinned version that is there already costs nothing."""
        if self.version is None:
            self.refresh()
        elif not self.path.exists():
            self._make_version_or_put_off(int(self.version))
        else:
            self._bring_own(self.path)  # a folder of an earlier release has none
        super().initialize()

    def refresh(self) -> None:
        """Bring `current` up to the store's newest change; without the store it stays as it is.

        Raises what is wrong with the store when there is nothing yet that could stay.
        """
        if self.version:
            raise errors.SettingsError(f"bundle {self.name!r} is pinned to version {self.version}.")
        try:
            change = self._ask(lambda store: store.change())
            if change != self._current_change():
                with self.lock():
                    self._follow(change)
        except Away as error:
            self._stay(error)
        else:
            self._bring_own(self.path)
            self._say_when_back(change)

    def get_current_version(self) -> BundleVersion | None:
        """The change that the files are at."""
        version = self.version or str(self._current_change() or NO_CHANGE)
        return BundleVersion(version=version)

    def _ask(self, question: Callable[[GraphStore], T]) -> T:
        """The store's answer. One that is away is not asked again for `PAUSE_SECONDS`."""
        if self._away is not None and time.monotonic() < self._ask_again_at:
            raise self._away.with_traceback(None)
        try:
            if self._store is None:
                self._store = self._open_store()
            answer = question(self._store)
        except Away as error:
            self._away, self._ask_again_at = error, time.monotonic() + PAUSE_SECONDS
            # Somebody may mend the connection meanwhile: it is read again.
            self._let_go()
            raise
        self._away = None
        return answer

    def _let_go(self) -> None:
        store, self._store = self._store, None
        if store is not None:
            store.close()

    def _open_store(self) -> GraphStore:
        try:
            return GraphStoreHook(self.mongo_conn_id).store()
        except AirflowNotFoundException as error:
            raise errors.SettingsError(f"the graphs' MongoDB is not known: {error}.") from error

    def _stay(self, error: errors.DeflowError) -> None:
        change, now = self._current_change(), time.monotonic()
        if change is None:
            raise type(error)(
                f"the graphs cannot be read, and no copy of them is on this host: {error} "
                "Until then their Dags are as Airflow knows them."
            ) from error
        if self._said_at is None or now - self._said_at > SAID_AGAIN_SECONDS:
            self._said_at = now
            log.warning("Graphs stay as in the last good copy, which is of change %s: %s", change, error)

    def _say_when_back(self, change: int) -> None:
        if self._said_at is not None:
            self._said_at = None
            log.warning("Graphs are read from MongoDB again; they are at change %s", change)

    def _current_change(self) -> int | None:
        """None before the first copy."""
        try:
            return int((self.base_dir / "current.change").read_text())
        except FileNotFoundError:
            return None

    def _follow(self, change: int) -> None:
        revisions = self._revisions_at(change)
        self.path.mkdir(parents=True, exist_ok=True)
        for slug, source in revisions.items():
            target = self.path / f"{slug}.json"
            if not (target.exists() and target.samefile(source)):
                _replace_by_link(source, target)
                _write(self.path / f"{slug}.py", LOADER)
        for file in self.path.iterdir():
            if file.suffix in (".py", ".json") and file.stem not in revisions and file.name not in OWN_FILES:
                file.unlink()
        _write(self.base_dir / "current.change", str(change))

    def _make_version_or_put_off(self, change: int) -> None:
        try:
            # Before the lock: who waits for a MongoDB that is away does not hold up the others.
            with suppress(*Away):
                self._ask(lambda store: store.change())
            with self.lock():
                if not self.path.exists():
                    self._make_version(change)
        except Away as error:
            log.error("The graphs of change %s are not on this host yet: %s", change, error)
            again_at = datetime.now(UTC) + timedelta(seconds=PUT_OFF_SECONDS)
            raise AirflowRescheduleException(again_at) from error  # type: ignore[no-untyped-call]
        finally:
            self._let_go()

    def _make_version(self, change: int) -> None:
        revisions = self._revisions_at(change)
        making = self.versions_dir / f".{change}-{uuid.uuid4().hex}"
        making.mkdir(parents=True)
        for slug, source in revisions.items():
            os.link(source, making / f"{slug}.json")
            _write(making / f"{slug}.py", LOADER)
        self._bring_own(making)
        try:
            making.rename(self.path)
        except OSError:
            shutil.rmtree(making)
            if not self.path.exists():
                raise

    def _bring_own(self, folder: Path) -> None:
        """The Dags that are there without a graph, as this release writes them."""
        for name, loader in OWN_FILES.items():
            file = folder / name
            if not file.exists() or file.read_text(encoding="utf-8") != loader:
                _write(file, loader)

    def _revisions_at(self, change: int) -> Mapping[str, Path]:
        """The revision of each graph at `change`, as a file on this host's disk."""
        index = self.base_dir / "index" / f"{change}.json"
        try:
            published = self._ask(lambda store: store.published_at(change))
        except Away:
            files = _read_index(index, self.base_dir / "revisions")
            if files is None:
                raise
            return files
        files = {revision.slug: self._revision_file(revision) for revision in published}
        for revision in published:
            file = files[revision.slug]
            if not file.exists():
                stored = {
                    "revision": revision.number,
                    "sha256": revision.sha256,
                    "document": revision.document,
                }
                _write(file, json.dumps(stored, sort_keys=True, ensure_ascii=False))
        _write(index, json.dumps({slug: file.name for slug, file in files.items()}, sort_keys=True))
        return files

    def _revision_file(self, revision: Revision) -> Path:
        # With the hash: a MongoDB that was restored or emptied gives the same numbers to other graphs.
        name = f"{revision.slug}@{revision.number}-{revision.sha256[:16]}.json"
        return self.base_dir / "revisions" / name


def _read_index(index: Path, revisions: Path) -> dict[str, Path] | None:
    """What an index names, when it is whole and all of it is here."""
    try:
        named: dict[str, str] = json.loads(index.read_text())
    except (OSError, ValueError):
        return None
    files = {slug: revisions / name for slug, name in named.items()}
    return files if all(file.exists() for file in files.values()) else None


def _write(file: Path, text: str) -> None:
    """Write whole or not at all; readers never see half a file."""
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    temporary.write_text(text, encoding="utf-8")
    temporary.replace(file)


def _replace_by_link(source: Path, target: Path) -> None:
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    os.link(source, temporary)
    temporary.replace(target)
