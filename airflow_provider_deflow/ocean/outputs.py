# SPDX-License-Identifier: Apache-2.0
"""What a job gave, kept by content: the same bytes are stored once, however many jobs made them.

The store is a folder in the widest sense: a `pathlib.Path`, or anything with its interface, such as
a path in S3. Layout: `files/<first two>/<sha256>` for contents, `outputs/<sha256>.json` for the list
of one job's outputs, `notes/<name>.json` for small documents that are found by name, the last one
written. A content appears whole or not at all, and writers of one content do not
disturb each other.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, Protocol, Self

from airflow_provider_deflow.errors import HostileArchive, MissingOutput, OutputError
from airflow_provider_deflow.ocean.archive import Archive, Caps

__all__ = ["Caps", "ContentStore", "Folder", "OutputFile", "Outputs", "matching", "unpack"]

_CHUNK_BYTES = 1 << 20
# In an object store: what is put again within a day need not be written again. Clearing takes none so young.
YOUNG_SECONDS = 24 * 60 * 60
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One file of a job's outputs; `name` is a POSIX path relative to `outputs/`."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Outputs:
    """All files of one job, sorted by name. Equal files are equal outputs, whatever the archive was."""

    files: tuple[OutputFile, ...]
    archive_sha256: str
    archive_size: int

    @property
    def sha256(self) -> str:
        """The identity of the files: the hash of their list as canonical JSON."""
        files = [{"name": f.name, "sha256": f.sha256, "size": f.size} for f in self.files]
        return hashlib.sha256(_canonical_json(files)).hexdigest()

    def to_document(self) -> dict[str, Any]:
        return {
            "files": [{"name": f.name, "sha256": f.sha256, "size": f.size} for f in self.files],
            "archive_sha256": self.archive_sha256,
            "archive_size": self.archive_size,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Self:
        files = (OutputFile(f["name"], f["size"], f["sha256"]) for f in document["files"])
        return cls(tuple(files), document["archive_sha256"], document["archive_size"])


def matching(files: Iterable[OutputFile], patterns: Iterable[str]) -> list[OutputFile]:
    """The files whose name matches one of the globs, case and all; `*` matches `/` too."""
    patterns = list(patterns)
    return [file for file in files if any(fnmatchcase(file.name, pattern) for pattern in patterns)]


class Folder(Protocol):
    """The part of `pathlib.Path` that a store needs."""

    def __truediv__(self, name: str, /) -> Self: ...
    def open(self, mode: str) -> Any: ...
    def exists(self) -> bool: ...
    def mkdir(self, *, parents: bool, exist_ok: bool) -> None: ...
    def stat(self) -> Any: ...
    def unlink(self) -> None: ...


class ContentStore:
    """Contents by their sha256."""

    def __init__(self, root: Folder) -> None:
        # An fsspec path to a local folder writes in place; a real Path can rename, which is atomic.
        is_local = getattr(root, "protocol", None) in ("", "file", "local")
        self._root: Folder = Path(str(getattr(root, "path", root))) if is_local else root

    def put(self, stream: BinaryIO) -> tuple[str, int]:
        """Keep the bytes of `stream`; gives sha256 and size. Kept already is kept once."""
        return self._put(stream, lambda sha256: self._file(sha256))

    def open(self, sha256: str) -> BinaryIO:
        """The content for reading. Raises `MissingOutput` when it is not, or no longer, kept."""
        try:
            content: BinaryIO = self._file(sha256).open("rb")
        except FileNotFoundError:
            raise _not_kept(f"content {sha256}") from None
        return content

    def has(self, sha256: str) -> bool:
        return self._file(sha256).exists()

    def size(self, sha256: str) -> int:
        """Bytes of the content. Raises `MissingOutput` when it is not, or no longer, kept."""
        try:
            return int(self._file(sha256).stat().st_size)
        except FileNotFoundError:
            raise _not_kept(f"content {sha256}") from None

    def path(self, sha256: str) -> Any:
        """Where the content is, or would be: of the kind of path that the store was made with."""
        return self._file(sha256)

    def put_outputs(self, outputs: Outputs) -> str:
        """Keep the list of a job's outputs; gives its sha256, by which `outputs` finds it."""
        sha256 = outputs.sha256
        with tempfile.TemporaryFile() as document:
            document.write(_canonical_json(outputs.to_document()))
            document.seek(0)
            self._put(document, lambda _: self._list(sha256))
        return sha256

    def outputs(self, sha256: str) -> Outputs:
        """The list kept under `sha256`. Raises `MissingOutput`, or `OutputError` when it was changed."""
        try:
            with self._list(sha256).open("rb") as document:
                outputs = Outputs.from_document(json.load(document))
        except FileNotFoundError:
            raise _not_kept(f"the list of outputs {sha256}") from None
        except (ValueError, KeyError, TypeError) as error:
            raise OutputError(
                f"the list of outputs {sha256} is not readable — {error}; run its node again"
            ) from None
        if outputs.sha256 != sha256:
            raise OutputError(
                f"the list of outputs {sha256} is not what was kept — somebody changed it in the storage"
            )
        return outputs

    def write_note(self, name: str, document: Mapping[str, Any]) -> None:
        """Keep a document under `name`, which may have slashes, in place of the one that was there."""
        text, place = _canonical_json(document), self._note(name)
        if not isinstance(place, Path):
            with place.open("wb") as upload:
                upload.write(text)
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        incoming = place.with_name(f"{uuid.uuid4().hex}.new")
        incoming.write_bytes(text)
        os.replace(incoming, place)

    def note(self, name: str) -> dict[str, Any] | None:
        """The document that was kept under `name`; None when there is none, or none that can be read."""
        try:
            with self._note(name).open("rb") as document:
                found = json.load(document)
        except (FileNotFoundError, ValueError):
            return None
        return found if isinstance(found, dict) else None

    def _note(self, name: str) -> Folder:
        place = self._root / "notes"
        for part in f"{name}.json".split("/"):
            place = place / part
        return place

    def _file(self, sha256: str) -> Folder:
        return self._root / "files" / _checked(sha256)[:2] / sha256

    def _list(self, sha256: str) -> Folder:
        return self._root / "outputs" / f"{_checked(sha256)}.json"

    def _put(self, stream: BinaryIO, place: Callable[[str], Folder]) -> tuple[str, int]:
        put = self._put_locally if isinstance(self._root, Path) else self._put_remotely
        return put(stream, place)

    def _put_locally(self, stream: BinaryIO, place: Callable[[str], Folder]) -> tuple[str, int]:
        incoming = Path(str(self._root)) / "incoming"
        incoming.mkdir(parents=True, exist_ok=True)
        temporary = incoming / uuid.uuid4().hex
        try:
            with temporary.open("xb") as copy:
                sha256, size = _copy(stream, copy)
            target = Path(str(place(sha256)))
            if not (_is_kept(target, size) and _made_young(target)):
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        return sha256, size

    def _put_remotely(self, stream: BinaryIO, place: Callable[[str], Folder]) -> tuple[str, int]:
        """Hashed into a local file first: object stores show an upload whole, but cannot rename."""
        with tempfile.TemporaryFile() as copy:
            sha256, size = _copy(stream, copy)
            target = place(sha256)
            if not (_is_kept(target, size) and _is_young(target)):
                copy.seek(0)
                with target.open("wb") as upload:
                    _copy(copy, upload)
                if not _is_kept(target, size):
                    with contextlib.suppress(FileNotFoundError):
                        target.unlink()
                    raise OutputError(
                        f"content {sha256} was not kept whole — the storage took fewer bytes; try again"
                    )
        return sha256, size


def unpack(
    stream: BinaryIO,
    store: ContentStore,
    caps: Caps = Caps(),  # noqa: B008 - frozen
    *,
    archive_sha256: str | None = None,
    archive_size: int | None = None,
) -> Outputs:
    """Keep every file of an outputs.tar in `store`, in bounded memory; gives their list, kept too.

    Hash and size of the archive are taken from who downloaded it, or found on the way. Raises
    `HostileArchive` when anything in it is not a regular file or a folder below `outputs/`.
    """
    archive = Archive(stream, caps, with_sha256=archive_sha256 is None)
    files = [OutputFile(member.name, member.size, store.put(member.content)[0]) for member in archive]
    if archive_size is not None and archive.size != archive_size:
        raise HostileArchive(
            f"outputs.tar is refused: it has {archive.size} bytes, {archive_size} were downloaded."
        )
    files.sort(key=lambda file: file.name)
    outputs = Outputs(tuple(files), archive_sha256 or archive.sha256 or "", archive.size)
    store.put_outputs(outputs)
    return outputs


def _copy(source: BinaryIO, target: BinaryIO) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    while chunk := source.read(_CHUNK_BYTES):
        digest.update(chunk)
        target.write(chunk)
        size += len(chunk)
    return digest.hexdigest(), size


def _is_kept(path: Folder, size: int) -> bool:
    """A file of the wrong size is what a crash of the machine left: it is written again."""
    try:
        return bool(path.stat().st_size == size)
    except FileNotFoundError:
        return False


def _made_young(path: Path) -> bool:
    """What is put again is wanted: it is cleared by age, see `clearing`. False when it has just gone."""
    try:
        os.utime(path)
    except FileNotFoundError:
        return False
    return True


def _is_young(path: Folder) -> bool:
    """An object store has no other way to make a content young than to write it anew."""
    try:
        modified = path.stat().st_mtime
    except FileNotFoundError:
        return False
    return modified is None or time.time() - float(modified) < YOUNG_SECONDS


def _checked(sha256: str) -> str:
    # Hashes come from graphs and URLs too: nothing else may become part of a path.
    if not _SHA256.fullmatch(sha256):
        raise _not_kept(f"content {sha256[:80]!r}, which is no sha256,")
    return sha256


def _not_kept(what: str) -> MissingOutput:
    return MissingOutput(
        f"{what} is not in DeFlow's storage — it was cleared or never kept; run its node again"
    )


def _canonical_json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
