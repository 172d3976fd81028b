# SPDX-License-Identifier: Apache-2.0
"""An algorithm's output as Docker frames it: one frame per line, stdout and stderr told apart.

    01|02 00 00 00 <length, 4 bytes big-endian> <bytes>

A line is framed when it is complete, when it has 16 KB, or when the stream ends. Logs are kept as JSON
there, so whatever is no UTF-8 is lost.
"""

from __future__ import annotations

import asyncio
import re
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path

STDOUT, STDERR = 1, 2
_LONGEST_LINE = 16384
_READ_BYTES = 1 << 20


def frame(stream: int, content: bytes) -> bytes:
    content = _as_text(content)
    return struct.pack(">BxxxI", stream, len(content)) + content


class FrameLog:
    """A file of frames that is written by one container and may be followed by many readers."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._grew = asyncio.Condition()
        self._complete = False
        path.touch()

    async def record(self, stream: int, source: asyncio.StreamReader) -> None:
        """Write all that `source` gives, line by line, until its end."""
        pending = b""
        with self.path.open("ab", buffering=0) as file:
            while chunk := await source.read(65536):
                *lines, pending = (pending + chunk).split(b"\n")
                frames = [frame(stream, piece) for line in lines for piece in _pieces(line + b"\n")]
                while len(pending) >= _LONGEST_LINE:
                    frames.append(frame(stream, pending[:_LONGEST_LINE]))
                    pending = pending[_LONGEST_LINE:]
                await self._append(file.write, frames)
            if pending:
                await self._append(file.write, [frame(stream, pending)])

    async def close(self) -> None:
        async with self._grew:
            self._complete = True
            self._grew.notify_all()

    async def follow(self) -> AsyncIterator[bytes]:
        """From the beginning, until the container has ended."""
        with self.path.open("rb") as file:
            while True:
                complete = self._complete
                while chunk := file.read(_READ_BYTES):
                    yield chunk
                if complete:
                    return
                async with self._grew:
                    if not self._complete and file.tell() == self.path.stat().st_size:
                        await self._grew.wait()

    async def _append(self, write: Callable[[bytes], object], frames: list[bytes]) -> None:
        write(b"".join(frames))
        async with self._grew:
            self._grew.notify_all()


def _pieces(line: bytes) -> list[bytes]:
    return [line[start : start + _LONGEST_LINE] for start in range(0, len(line), _LONGEST_LINE)]


def _as_text(content: bytes) -> bytes:
    """Each byte that is no UTF-8 becomes U+FFFD."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return re.sub("[\udc80-\udcff]", "\ufffd", content.decode(errors="surrogateescape")).encode()
    return content
