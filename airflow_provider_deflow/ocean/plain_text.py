# SPDX-License-Identifier: Apache-2.0
"""Text that a stranger wrote, before it is shown in a log or on a terminal.

A line end in it would forge a log's next line, and control characters steer the terminal. What is read back
by a machine is not for here.
"""

from __future__ import annotations

import unicodedata

# Marks of direction around text; right-to-left letters themselves are "R" and "AL", and welcome.
_TURNING = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
# Lone halves of a letter (Cs) cannot be written anywhere.
_CONTROL = frozenset({"Cc", "Cs", "Zl", "Zp"})
_MAX_CHARACTERS = 200


def misleads(character: str) -> bool:
    """Whether it moves a terminal's cursor, or turns the text around."""
    return unicodedata.category(character) in _CONTROL or unicodedata.bidirectional(character) in _TURNING


def one_line(text: str) -> str:
    """What a reader needs of `text`: words and single spaces, on one line that has an end."""
    # A line of a megabyte is not worth looking through.
    begin = text[: 10 * _MAX_CHARACTERS]
    line = " ".join("".join(one for one in begin if one.isspace() or not misleads(one)).split())
    return line if len(line) <= _MAX_CHARACTERS else line[: _MAX_CHARACTERS - 1] + "…"
