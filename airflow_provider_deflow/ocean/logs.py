# SPDX-License-Identifier: Apache-2.0
"""An algorithm's output, taken apart: Docker sends both its streams through one pipe.

Each frame is 01 or 02 (stdout, stderr), three zeros, a length of four bytes, and that many bytes. A
frame ends where the algorithm flushed, so neither lines nor characters end with it. The log of a
container that could not start is plain text instead.
"""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

Stream = Literal["stdout", "stderr"]

_STREAMS: dict[int, Stream] = {0: "stdout", 1: "stdout", 2: "stderr"}
_HEADER_BYTES = 8
# A progress bar that never ends its line must not fill the memory.
_MAX_LINE = 64 << 10


@dataclass(frozen=True, slots=True)
class LogLine:
    stream: Stream
    text: str


class _Lines:
    """Bytes of one stream become lines; what is left at the end is a line as well."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._decode = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, data: bytes, *, final: bool = False) -> Iterator[LogLine]:
        *whole, self._rest = (self._rest + self._decode.decode(data, final)).split("\n")
        if self._rest and (final or len(self._rest) > _MAX_LINE):
            whole.append(self._rest)
            self._rest = ""
        for text in whole:
            for start in range(0, len(text) or 1, _MAX_LINE):
                yield LogLine(self._stream, text[start : start + _MAX_LINE].removesuffix("\r"))


def pieces_of(chunks: Iterable[bytes]) -> Iterator[tuple[Stream, bytes]]:
    """The bytes of both streams in their order, however a log's frames are cut into chunks."""
    current: Stream = "stdout"
    left, is_plain = 0, False
    waiting = b""
    for chunk in chunks:
        data, at = waiting + chunk, 0
        while at < len(data):
            if left == 0 and not is_plain:
                header = data[at : at + _HEADER_BYTES]
                is_plain = not _may_be_header(header)
                if not is_plain:
                    if len(header) < _HEADER_BYTES:
                        break
                    current = _STREAMS[header[0]]
                    left = int.from_bytes(header[4:], "big")
                    at += _HEADER_BYTES
                    continue
            end = len(data) if is_plain else min(len(data), at + left)
            yield current, data[at:end]
            left -= 0 if is_plain else end - at
            at = end
        waiting = data[at:]


class Lines:
    """Pieces of both streams become lines; `rest` gives what has no end."""

    def __init__(self) -> None:
        self._of: dict[Stream, _Lines] = {"stdout": _Lines("stdout"), "stderr": _Lines("stderr")}

    def feed(self, stream: Stream, piece: bytes) -> Iterator[LogLine]:
        return self._of[stream].feed(piece)

    def rest(self) -> Iterator[LogLine]:
        for lines in self._of.values():
            yield from lines.feed(b"", final=True)


def lines_of(chunks: Iterable[bytes]) -> Iterator[LogLine]:
    """The lines of a log, each as soon as it is whole."""
    lines = Lines()
    for stream, piece in pieces_of(chunks):
        yield from lines.feed(stream, piece)
    yield from lines.rest()


def last_lines(lines: Iterable[LogLine], max_characters: int) -> list[LogLine]:
    """The end of a log, in bounded memory; a first line says how many lines are left out."""
    kept: deque[LogLine] = deque()
    size = dropped = 0
    for line in lines:
        kept.append(line)
        size += len(line.text) + 1
        while size > max_characters and len(kept) > 1:
            size -= len(kept.popleft().text) + 1
            dropped += 1
    if dropped:
        kept.appendleft(LogLine("stderr", f"… {dropped} earlier lines are left out"))
    return list(kept)


def _may_be_header(data: bytes) -> bool:
    return data[0] in _STREAMS and not any(data[1:4])
