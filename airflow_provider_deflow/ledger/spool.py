# SPDX-License-Identifier: Apache-2.0
"""Entries that MongoDB could not take, in files, until somebody brings them there.

The files lie in DeFlow's storage and not on the worker's own disk: every worker reaches it, so any
task, `deflow_upkeep` or command can bring what another left, and it outlives a worker that was a
container for one task. A task needs the storage for its outputs anyway: where it is away no task
succeeds. In good times nothing is written here, and looking costs one listing at a task's end.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow_provider_deflow.ledger.entry import Batch

if TYPE_CHECKING:
    from airflow_provider_deflow.ocean.outputs import Folder

FOLDER = "ledger"
UNREADABLE = "unreadable"
# Of a few kB each. Tasks at work at once may each add a few before they see that it is full.
MAX_FILES = 50_000


class SpoolFull(Exception):
    """As much as may lie here does."""


class Spool:
    """The folder `ledger` of a storage: a `Path`, or anything with its interface."""

    def __init__(self, storage: Folder) -> None:
        is_local = getattr(storage, "protocol", None) in ("", "file", "local")
        root: Any = Path(str(getattr(storage, "path", storage))) if is_local else storage
        self._folder = root / FOLDER
        self._room: int | None = None

    def keep(self, batch: Batch) -> None:
        """Put entries by, whole or not at all. Raises `SpoolFull` and what the storage raises."""
        if self._room is None:
            # Once for a task: a listing may be long.
            self._room = MAX_FILES - len(self._files())
        if self._room <= 0:
            raise SpoolFull(
                f"{MAX_FILES} files lie in {self._folder} and wait for MongoDB. "
                "They are brought there when it answers."
            )
        self._room -= 1
        text = json.dumps(batch.to_document(), ensure_ascii=False).encode()
        file = self._folder / f"{uuid.uuid4().hex}.json"
        if not isinstance(file, Path):
            with file.open("wb") as upload:
                upload.write(text)
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        incoming = file.with_suffix(".new")
        incoming.write_bytes(text)
        os.replace(incoming, file)

    def kept(self) -> Iterator[tuple[Any, Batch | None]]:
        """Files and what is in them, None for one that is no batch; others may take them meanwhile."""
        files = self._files()
        # Many tasks may end at the same moment: each begins elsewhere.
        random.shuffle(files)
        for file in files:
            try:
                with file.open("rb") as content:
                    text = content.read()
            except FileNotFoundError:
                continue
            yield file, _batch(text)

    def _files(self) -> list[Any]:
        try:
            return [file for file in self._folder.iterdir() if file.name.endswith(".json")]
        except (FileNotFoundError, NotADirectoryError):
            return []  # nothing was ever put by: an object store has no empty folders

    def bring(self, write: Callable[[Batch], bool], give_up_at: float, most: int) -> list[Any]:
        """Write what lies here until `write` cannot, and take it away; gives the files that are no batch."""
        strange, brought = [], 0
        for file, batch in self.kept():
            if brought == most or time.monotonic() > give_up_at:
                break
            if batch is None:
                strange.append(file)
            elif write(batch):
                file.unlink(missing_ok=True)
                brought += 1
            else:
                break
        return strange

    def set_aside(self, file: Any) -> str:
        """Take a file that is no batch out of everybody's way; gives where it is now."""
        target = self._folder / UNREADABLE / file.name
        if isinstance(file, Path):
            target.parent.mkdir(exist_ok=True)
            with contextlib.suppress(FileNotFoundError):  # another was quicker
                os.replace(file, target)
            return str(target)
        with file.open("rb") as content, target.open("wb") as copy:
            copy.write(content.read())
        file.unlink(missing_ok=True)
        return str(target)


def _batch(text: bytes) -> Batch | None:
    try:
        return Batch.from_document(json.loads(text))
    except (ValueError, KeyError, TypeError):
        return None
