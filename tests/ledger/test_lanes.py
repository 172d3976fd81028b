# SPDX-License-Identifier: Apache-2.0
"""What the lanes' MongoDB lets two processes do at once: a nonce and a purpose have one owner."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from pymongo.database import Database

from airflow_provider_deflow.chain.lanes import Attempt, Lane, Outcome, Slot
from airflow_provider_deflow.errors import StoreUnreachable
from airflow_provider_deflow.graphs import mongo
from airflow_provider_deflow.ledger.lanes import MongoLanes

LANE = Lane(8996, "0x70997970C51812dc3A010C7d01b50e0d17dc79C8")
AT = datetime(2026, 11, 22, tzinfo=UTC)
FIRST, SECOND, THIRD = (Attempt(f"0x{n:064x}", bytes([n]), AT) for n in (1, 2, 3))


@pytest.fixture
def lanes(mongo_database: Database[dict[str, Any]]) -> MongoLanes:
    return MongoLanes(mongo_database)


def test_what_was_added_is_read_back(lanes: MongoLanes):
    slot = Slot(7, "one", 41, (FIRST,))

    assert lanes.next_nonce(LANE) == 0
    assert lanes.add(LANE, slot)

    assert lanes.next_nonce(LANE) == 8
    assert lanes.with_purpose(LANE, "one") == lanes.with_hash(LANE, FIRST.transaction_hash) == slot
    assert lanes.unsettled(LANE) == [slot]
    assert lanes.with_purpose(LANE, "another") is None


def test_a_nonce_and_a_purpose_are_taken_once(lanes: MongoLanes):
    assert lanes.add(LANE, Slot(7, "one", 41, (FIRST,)))

    assert not lanes.add(LANE, Slot(7, "two", 41, (SECOND,)))
    assert not lanes.add(LANE, Slot(8, "one", 41, (SECOND,)))
    assert lanes.add(LANE, Slot(8, "", 41, (SECOND,)))
    assert lanes.add(LANE, Slot(9, "", 41, (THIRD,)))


def test_a_hole_is_behind_something(lanes: MongoLanes):
    for nonce, attempt in ((5, FIRST), (8, SECOND)):
        lanes.add(LANE, Slot(nonce, "", 41, (attempt,)))

    assert [nonce for nonce in range(10) if lanes.is_hole(LANE, nonce)] == [6, 7, 9]


def test_lanes_of_other_accounts_and_chains_are_others(lanes: MongoLanes):
    slot = Slot(7, "one", 41, (FIRST,))

    assert lanes.add(LANE, slot)
    assert lanes.add(replace(LANE, chain_id=1), slot)
    assert lanes.add(replace(LANE, account="0x" + "11" * 20), slot)
    assert lanes.next_nonce(Lane(2, LANE.account)) == 0


def test_an_attempt_is_added_to_what_was_seen_only(lanes: MongoLanes):
    slot = Slot(7, "one", 41, (FIRST,))
    lanes.add(LANE, slot)

    assert lanes.add_attempt(LANE, slot, SECOND)
    assert not lanes.add_attempt(LANE, slot, THIRD)

    now = lanes.with_hash(LANE, SECOND.transaction_hash)
    assert now == replace(slot, attempts=(FIRST, SECOND))
    lanes.settle(LANE, now, Outcome(FIRST.transaction_hash, "succeeded"))
    assert not lanes.add_attempt(LANE, now, THIRD)


@pytest.mark.parametrize("ending", ["replaced", "reverted"])
def test_a_slot_that_came_to_nothing_lets_its_purpose_go(lanes: MongoLanes, ending: Any):
    slot = Slot(7, "one", 41, (FIRST,))
    lanes.add(LANE, slot)

    for _ in range(2):
        lanes.settle(LANE, slot, Outcome("0x" + "99" * 32, ending))

    assert lanes.unsettled(LANE) == []
    assert lanes.with_purpose(LANE, "one") is None
    assert lanes.add(LANE, Slot(8, "one", 42, (SECOND,)))


def test_a_slot_that_succeeded_keeps_its_purpose_whoever_says_what_later(lanes: MongoLanes):
    slot = Slot(7, "one", 41, (FIRST,))
    lanes.add(LANE, slot)

    lanes.settle(LANE, slot, Outcome(FIRST.transaction_hash, "succeeded"))
    lanes.settle(LANE, slot, Outcome("0x" + "99" * 32, "replaced"))
    lanes.settle(LANE, slot, Outcome(FIRST.transaction_hash, "reverted"))

    found = lanes.with_purpose(LANE, "one")
    assert found is not None
    assert found.outcome == Outcome(FIRST.transaction_hash, "succeeded")
    assert not lanes.add(LANE, Slot(8, "one", 42, (SECOND,)))


def test_a_store_that_is_away_says_so():
    with mongo.client_at("mongodb://127.0.0.1:9/?serverSelectionTimeoutMS=100") as client:
        lanes = MongoLanes(client["deflow"], timeout_seconds=0.2)

        with pytest.raises(StoreUnreachable):
            lanes.next_nonce(LANE)
