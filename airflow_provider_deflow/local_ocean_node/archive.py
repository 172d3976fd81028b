# SPDX-License-Identifier: Apache-2.0
"""The outputs folder as a tar, written the way Docker's `getArchive` writes it.

Plain tar, names below `outputs/` in order, links and FIFOs kept as they are, PAX headers for what does
not fit; two zero blocks end it and nothing pads it further, so empty outputs are 1536 bytes. Nothing is
followed: a link is recorded, never read through.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Whom the files belong to in a real container.
_USER = 1000
_NAME_IN_ARCHIVE = "outputs"


def write_archive(folder: Path, target: Path) -> None:
    """Write `folder` to `target`; a file that its owner may not read is read all the same, as by Docker."""
    with target.open("wb") as file:
        tar = tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT, tarinfo=_Member)  # noqa: SIM115 - ended by hand
        _add(tar, folder, _NAME_IN_ARCHIVE, user=0)
        for path in _below(folder):
            name = f"{_NAME_IN_ARCHIVE}/{path.relative_to(folder).as_posix()}"
            _add(tar, path, name, user=_USER)
        # TarFile.close() would pad to 10 KB.
        file.write(b"\0" * 2 * tarfile.BLOCKSIZE)


class _Member(tarfile.TarInfo):
    """With the kind of file in its mode too, as Go's tar library writes it."""

    def tobuf(self, *arguments: Any, **named: Any) -> bytes:
        content = bytearray(super().tobuf(*arguments, **named))
        header = content[-tarfile.BLOCKSIZE :]
        header[100:108] = b"%07o\0" % self.mode
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        content[-tarfile.BLOCKSIZE :] = header
        return bytes(content)


def _add(tar: tarfile.TarFile, path: Path, name: str, *, user: int) -> None:
    member = tar.gettarinfo(path, arcname=name)
    if member is None:  # a socket
        return
    member.uid = member.gid = user
    member.uname = member.gname = ""
    # Whole seconds: a fraction would give each file a PAX header.
    member.mtime = int(member.mtime)
    if not member.isreg():
        tar.addfile(member)
        return
    _readable(path, member.mode)
    with path.open("rb") as content:
        tar.addfile(member, content)


def _below(folder: Path) -> Iterator[Path]:
    _readable(folder, folder.lstat().st_mode, directory=True)
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from _below(Path(entry.path))


def _readable(path: Path, mode: int, *, directory: bool = False) -> None:
    needed = stat.S_IRUSR | (stat.S_IXUSR if directory else 0)
    if mode & needed != needed:
        path.chmod(stat.S_IMODE(mode) | needed)
