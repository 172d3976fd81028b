# SPDX-License-Identifier: Apache-2.0
"""Reading an outputs.tar that nobody vouches for.

An algorithm wrote it and an Ocean Node sent it; either may be careless or hostile. Only regular
files and folders below `outputs/` pass. Everything else refuses the whole archive, because an
output that is quietly missing would make a wrong result look right.

Nothing is decompressed and holes are refused, so no archive grows by more than the bytes that were
downloaded: a cap on its size is a cap on the ratio too. Modes and owners are not looked at, since nothing is
unpacked to a place where they would count, and an archive within the archive is a file like any other.

The headers are parsed by the standard library, one block at a time; the loop around it is our own,
because tarfile's believes the sizes of extended headers and would read gigabytes of "name" at once.
"""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import RawIOBase
from typing import BinaryIO

from airflow_provider_deflow.errors import HostileArchive
from airflow_provider_deflow.ocean.plain_text import misleads

_BLOCK = tarfile.BLOCKSIZE
_CHUNK_BYTES = 1 << 20
# Extended headers hold a path and a few times; a longer one is an attack.
_MAX_HEADER_BYTES = 64 << 10
_MAX_PADDING_BYTES = 1 << 20
_ROOT = "outputs"

_FORBIDDEN = {
    tarfile.LNKTYPE: "a hard link",
    tarfile.SYMTYPE: "a symbolic link",
    tarfile.CHRTYPE: "a character device",
    tarfile.BLKTYPE: "a block device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.CONTTYPE: "a contiguous file, a reserved kind",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
    tarfile.GNUTYPE_LONGLINK: "a link with a long target",
    tarfile.XGLTYPE: "a header for all members",
}


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of an archive is taken; a member is a file or a folder, depth counts folders above a file."""

    max_archive_bytes: int = 64 << 30
    max_members: int = 100_000
    max_name_bytes: int = 1024
    # What a file system allows one part of a path.
    max_part_bytes: int = 255
    max_depth: int = 100


@dataclass(frozen=True, slots=True)
class Member:
    """A regular file: `name` is relative to `outputs/`; read `content` before asking for the next."""

    name: str
    size: int
    content: BinaryIO


class Archive:
    """The members of one tar stream, and the hash and size of all that was read.

    `sha256` is None unless asked for: who downloaded the archive has it already.
    """

    def __init__(self, stream: BinaryIO, caps: Caps, *, with_sha256: bool) -> None:
        self._stream = stream
        self._caps = caps
        self._hash = hashlib.sha256() if with_sha256 else None
        self.size = 0

    @property
    def sha256(self) -> str | None:
        return self._hash.hexdigest() if self._hash else None

    def __iter__(self) -> Iterator[Member]:
        files: set[str] = set()
        folders: set[str] = set()
        extended: dict[str, str] = {}
        members = 0
        while (header := self._header()) is not None:
            if header.type in (tarfile.XHDTYPE, tarfile.SOLARIS_XHDTYPE):
                extended |= self._extended_header(header)
                continue
            if header.type == tarfile.GNUTYPE_LONGNAME:
                raw = self._header_data(header).split(b"\0", 1)[0]
                extended["path"] = raw.decode("utf-8", "surrogateescape")
                continue
            members += 1
            if members > self._caps.max_members:
                raise _refused(
                    "it",
                    f"has more than {self._caps.max_members} files and folders",
                    "Write fewer, larger files",
                )
            path, size = self._path_and_size(header, extended)
            extended = {}
            name = _relative_name(path, header, self._caps)
            _check_places(name, header.isdir(), files, folders)
            if header.isdir():
                continue
            content = _Content(self, size, name)
            yield Member(name, size, content)  # type: ignore[arg-type]  # a reader is all that is needed
            content.drain()
            self._read_exactly(-size % _BLOCK, name)
        self._check_padding()

    def _header(self) -> tarfile.TarInfo | None:
        block = self._read_exactly(_BLOCK, "the next member's header")
        if not any(block):
            return None
        try:
            return tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
        except (tarfile.TarError, ValueError, OverflowError) as error:
            raise _refused("a header", f"is broken ({error})", "It was damaged: run the job again") from None

    def _header_data(self, header: tarfile.TarInfo) -> bytes:
        if not 0 <= header.size <= _MAX_HEADER_BYTES:
            raise _refused("an extended header", f"claims {header.size} bytes")
        data = self._read_exactly(header.size, "an extended header")
        self._read_exactly(-header.size % _BLOCK, "an extended header")
        return data

    def _extended_header(self, header: tarfile.TarInfo) -> dict[str, str]:
        records = _pax_records(self._header_data(header))
        sparse = next((key for key in records if key.startswith("GNU.sparse")), None)
        if sparse is not None:
            raise _refused("a member", "is a sparse file", "Write files without holes, or compress them")
        return {key: value for key, value in records.items() if key in ("path", "size")}

    def _path_and_size(self, header: tarfile.TarInfo, extended: dict[str, str]) -> tuple[str, int]:
        path = extended.get("path", header.name)
        told = extended.get("size")
        size = header.size if told is None else int(told) if told.isdecimal() and len(told) < 20 else -1
        if size < 0 or (header.isdir() and size):
            raise _refused(repr(path), f"has the impossible size {told or header.size}")
        if self.size + size > self._caps.max_archive_bytes:
            raise self._too_large()
        return path, size

    def _check_padding(self) -> None:
        """After its end mark an archive holds zeros only; what else is there was not meant to be seen."""
        allowed = self.size + _MAX_PADDING_BYTES
        while chunk := self._read(_CHUNK_BYTES):
            if any(chunk) or self.size > allowed:
                raise _refused("it", "has something behind its end", "It was damaged: run the job again")

    def _too_large(self) -> HostileArchive:
        limit = self._caps.max_archive_bytes
        return _refused(
            "it", f"is larger than the {limit} bytes that are taken", "Write less, or raise the cap"
        )

    def _read_exactly(self, size: int, what: str) -> bytes:
        data = b""
        while len(data) < size:
            chunk = self._read(size - len(data))
            if not chunk:
                raise _refused(what, "is cut off", "It was damaged: run the job again")
            data += chunk
        return data

    def _read(self, size: int) -> bytes:
        chunk = self._stream.read(size)
        self.size += len(chunk)
        if self.size > self._caps.max_archive_bytes:
            raise self._too_large()
        if self._hash is not None:
            self._hash.update(chunk)
        return chunk


class _Content(RawIOBase):
    """The bytes of one member; cut off early is an error, never a short file."""

    def __init__(self, archive: Archive, size: int, name: str) -> None:
        self._archive = archive
        self._left = size
        self._name = name

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = min(self._left, _CHUNK_BYTES if size < 0 else size)
        if wanted == 0:
            return b""
        chunk = self._archive._read(wanted)
        if not chunk:
            raise _refused(repr(self._name), "is cut off", "It was damaged: run the job again")
        self._left -= len(chunk)
        return chunk

    def drain(self) -> None:
        while self.read(_CHUNK_BYTES):
            pass


def _pax_records(data: bytes) -> dict[str, str]:
    """`<length> <key>=<value>\\n` records; the length counts itself."""
    records: dict[str, str] = {}
    while data:
        digits, _, _ = data[:12].partition(b" ")
        length = int(digits) if digits.isdigit() else 0
        record = data[len(digits) + 1 : length]
        if length > len(data) or not record.endswith(b"\n") or b"=" not in record:
            raise _refused("an extended header", "is broken")
        key, _, value = record[:-1].partition(b"=")
        records[key.decode("utf-8", "replace")] = value.decode("utf-8", "surrogateescape")
        data = data[length:]
    return records


def _relative_name(path: str, header: tarfile.TarInfo, caps: Caps) -> str:
    """The path below `outputs/`, "" for that folder itself; anything doubtful is refused."""
    if header.type in _FORBIDDEN:
        what = _FORBIDDEN[header.type]
        raise _refused(repr(path), f"is {what}", "Only regular files are taken: write a copy instead")
    if not (header.isdir() or header.type in (tarfile.REGTYPE, tarfile.AREGTYPE)):
        raise _refused(repr(path), f"is of the unknown kind {header.type!r}")
    try:
        size = len(path.encode())
    except UnicodeEncodeError:
        raise _refused(repr(path), "is not UTF-8", "Give the file another name") from None
    if size > caps.max_name_bytes:
        raise _refused(repr(path[:80] + "…"), f"has a name of {size} bytes", "Give the file a shorter name")
    # By other rules a backslash is a path.
    if "\\" in path or any(map(misleads, path)):
        raise _refused(
            ascii(path), "has a control character or backslash in its name", "Give it another name"
        )
    root, *parts = (path.removesuffix("/") if header.isdir() else path).split("/")
    if len(parts) > caps.max_depth:
        raise _refused(repr(path[:80] + "…"), f"is {len(parts)} folders deep", "Write to fewer folders")
    if any(len(part.encode()) > caps.max_part_bytes for part in parts):
        long = f"has a part of more than {caps.max_part_bytes} bytes in its name"
        raise _refused(repr(path[:80] + "…"), long, "Give the file a shorter name")
    if root != _ROOT or any(part in ("", ".", "..") for part in parts) or not (parts or header.isdir()):
        raise _refused(repr(path), f"is not a path below {_ROOT}/")
    return "/".join(parts)


def _check_places(name: str, is_folder: bool, files: set[str], folders: set[str]) -> None:
    """One thing per name, and nothing below a file."""
    above = [name[:at] for at, letter in enumerate(name) if letter == "/"]
    doubled = name in files or (not is_folder and name in folders)
    if doubled or any(folder in files for folder in above):
        raise _refused(repr(name), "is there twice, or is both a file and a folder")
    folders.update(above)
    (folders if is_folder else files).add(name)


def _refused(
    what: str, why: str, remedy: str = "Ask the Ocean Node's owner, or use another node"
) -> HostileArchive:
    return HostileArchive(f"outputs.tar is refused: {what} {why}. Nothing of it is used. {remedy}.")
