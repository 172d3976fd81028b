# SPDX-License-Identifier: Apache-2.0
"""Which tests one process takes when `make test` runs in several: what shares something dear stays together.

Tests of one file do, and so do those of a folder that shares one long conversation with a node. Those that
start Airflow with its stack go one after the other. What takes longest is begun first, so that no process is
left with minutes of work when the others have none.
"""

from __future__ import annotations

from pathlib import PurePosixPath

from xdist.scheduler import LoadScopeScheduling

STACKS = "stacks"
_STACKED = {"e2e", "chaos", "browser"}
_TOGETHER = {"api", "conformance", "wire_replay", "stack"}
# Each takes more than a minute; what is in no list, less.
_LONG = (
    STACKS,
    "api",
    "stack",
    "wire_replay",
    "conformance",
    "tests/operators/test_by_did.py",
    "tests/operators/test_paid.py",
    "tests/test_publishing.py",
    "tests/operators/test_publish.py",
)


class ByWhatIsShared(LoadScopeScheduling):
    """pytest-xdist's own groups are not used: with pytest 9.2 its version 3.8 does not see them."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


def group_of(nodeid: str) -> str:
    file = nodeid.partition("::")[0]
    folder = PurePosixPath(file).parts[1]
    if folder in _STACKED:
        return STACKS
    return folder if folder in _TOGETHER else file


def turn_of(nodeid: str) -> int:
    """Which groups are begun before which, of equals those that were found first."""
    group = group_of(nodeid)
    return _LONG.index(group) if group in _LONG else len(_LONG)
