# SPDX-License-Identifier: Apache-2.0
"""What an import or export could not place, said once however often it happens."""

from __future__ import annotations

from airflow_provider_deflow.graphs.problem import Problem

SHOWN_PLACES = 3


class Remarks:
    """Remarks as they come; those that say the same are one, with all their places."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], list[str]] = {}

    def add(self, code: str, where: str, message: str) -> None:
        """Say something about a place."""
        self._places.setdefault((code, message), []).append(where)

    def all(self) -> tuple[Problem, ...]:
        """All remarks, in the order in which each was first said."""
        return tuple(
            Problem(code, _listed(places), message) for (code, message), places in self._places.items()
        )


def _listed(places: list[str]) -> str:
    shown = ", ".join(places[:SHOWN_PLACES])
    more = len(places) - SHOWN_PLACES
    return f"{shown} and {more} more" if more > 0 else shown
