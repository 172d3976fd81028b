# SPDX-License-Identifier: Apache-2.0
"""Nonces that a node takes: each higher than the last, and none whose signature it would not understand."""

from __future__ import annotations

import dataclasses
import time
from types import SimpleNamespace

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_deflow.ocean import nonces, routes
from airflow_provider_deflow.ocean.nonces import NonceLane
from airflow_provider_deflow.ocean.routes import request_message
from airflow_provider_deflow.ocean.shared_state import SharedState

ADDRESS = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
JOB_ID = "0xcd-" + "ab" * 32
# The message to stop a job with this nonce begins with a zero byte.
REFUSED = next(n for n in range(10**12, 10**12 + 5000) if request_message(ADDRESS, n, "stopCompute")[0] == 0)


def test_trap_24_a_nonce_whose_message_begins_with_zero_is_left_out(
    scripted_node, signer, tmp_path, monkeypatch
):
    """The node drops that byte and finds another signer: one good signature in 256 is refused."""
    monkeypatch.setattr(nonces, "time", SimpleNamespace(time_ns=lambda: REFUSED * 1_000_000))
    lane = NonceLane(SharedState(tmp_path), "node", ADDRESS)
    route = routes.stop(JOB_ID)
    with lane.next(lambda nonce: route.can_be_signed(ADDRESS, nonce)) as nonce:
        assert nonce == REFUSED + 1
    with lane.next() as nonce:
        assert nonce == REFUSED + 2


def test_trap_24_in_a_thousand_signatures_none_begins_with_zero(tmp_path):
    lane = NonceLane(SharedState(None), f"node-{time.time_ns()}", ADDRESS)
    route = routes.stop(JOB_ID)
    seen = []
    for _ in range(1000):
        with lane.next(lambda nonce: route.can_be_signed(ADDRESS, nonce)) as nonce:
            assert route.message(ADDRESS, nonce)[0] != 0
            seen.append(nonce)
    assert seen == sorted(set(seen))


def test_all_of_the_command_counts():
    """What is signed behind it, a node's id for a token, changes which nonces can be used."""
    route = routes.stop(JOB_ID)
    assert not route.can_be_signed(ADDRESS, REFUSED)
    suffixed = dataclasses.replace(route, signed_suffix="peer")
    assert suffixed.message(ADDRESS, REFUSED) == request_message(ADDRESS, REFUSED, "stopComputepeer")


@given(st.lists(st.integers(0, 3), max_size=20))
def test_nonces_rise_whatever_the_clock_does(steps):
    clock = iter([10**18, *(10**18 + step * 1_000_000 - 1_500_000 for step in steps)])
    lane = NonceLane(SharedState(None), f"node-{time.time_ns()}-{len(steps)}", ADDRESS)
    real = nonces.time.time_ns
    nonces.time.time_ns = lambda: next(clock)
    try:
        given_out = []
        for _ in range(len(steps) + 1):
            with lane.next() as nonce:
                given_out.append(nonce)
    finally:
        nonces.time.time_ns = real
    assert given_out == sorted(set(given_out))
