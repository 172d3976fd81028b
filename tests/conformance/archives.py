# SPDX-License-Identifier: Apache-2.0
"""Reading `outputs.tar` member by member; nothing is ever extracted."""

from __future__ import annotations

import io
import tarfile


def members(content: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        return tar.getmembers()


def contents(content: bytes) -> dict[str, bytes]:
    """The regular files."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as tar:
        found = {}
        for member in tar.getmembers():
            if member.isreg():
                file = tar.extractfile(member)
                assert file is not None
                found[member.name] = file.read()
        return found
