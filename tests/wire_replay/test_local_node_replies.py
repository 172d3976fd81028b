# SPDX-License-Identifier: Apache-2.0
"""Every recorded request, sent to a local Ocean Node: its reply has the recorded one's shape.

A file is replayed in its order as far as needed, so that one recording can be run by itself. What cannot
be replayed is named with its reason in `not_replayed`, and must really differ.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import pytest

from tests.wire_replay.not_replayed import NOT_REPLAYED
from tests.wire_replay.recordings import ALL, Recording
from tests.wire_replay.replay import Replay

pytestmark = pytest.mark.chain

ORDER: dict[str, list[Recording]] = defaultdict(list)
for one in ALL:
    ORDER[one.file].append(one)

Found = Callable[[Recording], list[str]]


@pytest.fixture(scope="session")
def differences_of(replay_of: Callable[[Recording], Replay]) -> Found:
    known: dict[str, list[str]] = {}

    def up_to(wanted: Recording) -> list[str]:
        for recording in ORDER[wanted.file]:
            if wanted.name in known:
                break
            if recording.name not in known:
                known[recording.name] = replay_of(recording).differences(recording)
        return known[wanted.name]

    return up_to


def test_what_is_not_replayed_was_recorded():
    assert set(NOT_REPLAYED) <= {recording.name for recording in ALL}


@pytest.mark.parametrize("recording", ALL, ids=str)
def test_the_local_node_answers_in_the_recorded_shape(recording: Recording, differences_of: Found):
    found = differences_of(recording)

    if recording.name in NOT_REPLAYED:
        assert found, (
            f"it replays by now: take it out of the table; reason there: {NOT_REPLAYED[recording.name]}"
        )
    else:
        assert not found, "\n".join(found)
