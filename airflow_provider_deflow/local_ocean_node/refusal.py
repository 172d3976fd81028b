# SPDX-License-Identifier: Apache-2.0
"""The node says no: a status and its own words; each kind of route has its own way to send them."""

from __future__ import annotations

from fastapi import HTTPException


class Refusal(HTTPException):
    """A request that the node does not serve."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(status, words)
        self.status = status
        self.words = words


class Thrown(Exception):
    """What the real node's code throws: some replies show its kind too, others only the message."""

    def __init__(self, message: str, kind: str = "Error") -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
