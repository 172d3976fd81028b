# SPDX-License-Identifier: Apache-2.0
"""The other end of the content store: what lies there, since when, and its removal.

What is needed is decided elsewhere. Here it is held that nothing goes which was put, or put again, since:
whoever puts a content that is there already makes it young again, see `outputs`.
"""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from airflow_provider_deflow.ocean.outputs import Folder

# Larger contents are data of jobs, not documents of ours that name other contents.
MAX_DOCUMENT_BYTES = 1 << 20
# A file on its way in; what is older was left by a crash.
INCOMING_SECONDS = 24 * 60 * 60


@dataclass(frozen=True, slots=True)
class Stored:
    """A file of the store. `name` is its sha256 or a note's path, `modified` epoch seconds."""

    kind: str
    name: str
    path: Any
    size: int
    modified: float


class Contents:
    """All files below a store's root: `files`, `outputs` (lists) and `notes`."""

    def __init__(self, root: Folder) -> None:
        is_local = getattr(root, "protocol", None) in ("", "file", "local")
        self._root: Any = Path(str(getattr(root, "path", root))) if is_local else root

    def __iter__(self) -> Iterator[Stored]:
        for kind in ("files", "outputs", "notes"):
            yield from _below(kind, self._root / kind)

    def document(self, sha256: str) -> str:
        """A list of outputs, or a content that may be a document of ours; empty when it is neither."""
        texts = []
        for path in (self._root / "outputs" / f"{sha256}.json", self._root / "files" / sha256[:2] / sha256):
            with contextlib.suppress(FileNotFoundError, UnicodeDecodeError):
                if path.stat().st_size <= MAX_DOCUMENT_BYTES:
                    with path.open("rb") as file:
                        content: bytes = file.read()
                    if content.startswith(b"{"):
                        texts.append(content.decode())
        return "\n".join(texts)

    def remove(self, stored: Stored) -> bool:
        """Take a file away; False when it was put anew since it was looked at, or is gone."""
        if isinstance(stored.path, Path):
            return self._remove_locally(stored)
        try:
            # A file system keeps what its listing said, and would not see what another process has put since.
            stored.path.fs.invalidate_cache()
            if stored.path.stat().st_mtime != stored.modified:
                return False
            stored.path.unlink()
        except FileNotFoundError:
            return False
        return True

    def _remove_locally(self, stored: Stored) -> bool:
        """Aside first: who puts it in that moment either writes it anew, or has made it young."""
        incoming = Path(self._root) / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        aside = incoming / uuid.uuid4().hex
        try:
            os.rename(stored.path, aside)
        except FileNotFoundError:
            return False
        if aside.stat().st_mtime != stored.modified:
            os.replace(aside, stored.path)
            return False
        aside.unlink()
        return True

    def left_by_crashes(self, before: float) -> list[Any]:
        """What began to come in long before `before` (epoch seconds), and never was whole."""
        return [one.path for one in _below("incoming", self._root / "incoming") if one.modified < before]


def _below(kind: str, folder: Any, inner: str = "") -> Iterator[Stored]:
    try:
        found = list(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in found:
        if path.is_dir():
            yield from _below(kind, path, f"{inner}{path.name}/" if kind == "notes" else "")
            continue
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            # A storage that does not tell times is never cleared.
            modified = float("inf") if stat.st_mtime is None else float(stat.st_mtime)
            yield Stored(kind, f"{inner}{path.name.removesuffix('.json')}", path, int(stat.st_size), modified)
