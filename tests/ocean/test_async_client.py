# SPDX-License-Identifier: Apache-2.0
"""The client of a triggerer: the same answers, and an event loop that is never held up."""

from __future__ import annotations

import asyncio
import threading
import time
import traceback

import pytest

from airflow_provider_deflow import errors
from airflow_provider_deflow.ocean.client import AsyncOceanNode
from airflow_provider_deflow.ocean.nonces import NonceLane

COMPUTE = "/api/services/compute"
OWNER = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
BARE_ID = "67911b85e1b7c8095ad6f5ca1f28676e19f681fbf287c79e38b0bcf33c151f45"
JOB_ID = f"0xff1004b67de08fc505fbf0a2089010d0f23015338c7def8557697513c4a39935-{BARE_ID}"


def ask(scripted_node, signer, folder, question, **options):
    async def run():
        async with AsyncOceanNode(scripted_node.url, signer, state_folder=folder, **options) as node:
            return await question(node)

    return asyncio.run(run())


@pytest.fixture
def asked(scripted_node, signer, tmp_path, quick):
    return lambda question, **options: ask(scripted_node, signer, tmp_path, question, **options)


def test_recorded_replies_are_read(scripted_node, asked, recorded):
    scripted_node.answer("GET", COMPUTE, (200, recorded.body("status-list", "status-owner-and-id")))
    scripted_node.answer("PUT", COMPUTE, (200, recorded.body("stop", "stop-finished")))
    scripted_node.answer(
        "POST",
        "/directCommand",
        (200, recorded.body("node", "status-command")),
        (200, recorded.body("status-list", "jobs-from")),
    )

    async def all_of_them(node):
        return (
            await node.version(),
            await node.status(JOB_ID),
            await node.jobs([OWNER], finished_since=1795294415),
            await node.jobs_of(OWNER),
            await node.stop(JOB_ID),
        )

    version, job, ended, mine, stopped = asked(all_of_them)
    assert version == "3.2.0"
    assert (job.job_id, job.outcome) == (JOB_ID, "succeeded")
    assert (len(ended), len(mine)) == (12, 1)
    assert stopped.stop_requested


def test_a_read_is_repeated_until_it_is_answered(scripted_node, asked):
    scripted_node.answer("GET", COMPUTE, scripted_node.hang_up, (500, b"Internal Server Error"), (200, []))
    assert asked(lambda node: node.status(JOB_ID)) is None
    assert len(scripted_node.asked) == 3


def test_a_stop_is_signed_anew_each_time(scripted_node, asked):
    scripted_node.answer("PUT", COMPUTE, (500, b"Internal Server Error"), (200, []))
    assert asked(lambda node: node.stop(JOB_ID)) is None
    nonces = [int(request["query"]["nonce"]) for request in scripted_node.asked]
    assert nonces[1] > nonces[0]


def test_a_429_closes_the_door(scripted_node, asked):
    scripted_node.answer("GET", COMPUTE, (429, b"Rate limit exceeded. Try again in 1 seconds."), (200, []))
    began = time.monotonic()
    assert asked(lambda node: node.status(JOB_ID)) is None
    assert time.monotonic() - began >= 1.0


def test_failures_are_told_without_secrets(scripted_node, asked):
    scripted_node.answer("PUT", COMPUTE, scripted_node.hang_up)
    with pytest.raises(errors.OceanNodeUnreachable, match="stop a job on") as raised:
        asked(lambda node: node.stop(JOB_ID))
    assert "signature=" not in "".join(traceback.format_exception(raised.value))


def test_a_server_that_does_not_answer_is_given_up(scripted_node, asked):
    let_go = threading.Event()
    scripted_node.answer("POST", "/directCommand", lambda handler: let_go.wait(10))
    with pytest.raises(errors.OceanNodeUnreachable, match="no answer in time"):
        asked(lambda node: node.version(), timeout_seconds=0.1)
    let_go.set()


def test_an_endless_reply_is_cut_off(scripted_node, asked, monkeypatch):
    from airflow_provider_deflow.ocean import exchange

    monkeypatch.setattr(exchange, "MAX_BODY_BYTES", 1000)
    scripted_node.answer("GET", COMPUTE, (200, b"[" + b" " * 2000 + b"]"))
    with pytest.raises(errors.UnexpectedReply, match="larger than 1000 bytes"):
        asked(lambda node: node.status(JOB_ID))


def test_without_wallet_nothing_is_signed(scripted_node, tmp_path):
    with pytest.raises(errors.SettingsError, match="give the client a wallet"):
        ask(scripted_node, None, tmp_path, lambda node: node.stop(JOB_ID))
    assert scripted_node.asked == []


def test_the_loop_goes_on_while_a_lane_is_taken_and_places_are_used_up(scripted_node, signer, tmp_path):
    """Another process holds the nonces; the loop's other tasks must not notice."""
    scripted_node.answer("PUT", COMPUTE, (200, []))

    async def run() -> None:
        async with AsyncOceanNode(scripted_node.url, signer, state_folder=tmp_path) as node:
            lane = NonceLane(node._state, node._name, signer.address)
            # A loop that stood still would never come to the end of this block, which frees the lane.
            with lane.next():
                stop = asyncio.create_task(node.stop(JOB_ID))
                for _ in range(50):
                    await asyncio.sleep(0.005)
                assert not stop.done()
            await stop

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_cancelled_wait_gives_its_lane_back(scripted_node, signer, tmp_path):
    scripted_node.answer("PUT", COMPUTE, (200, []))

    async def run() -> None:
        async with AsyncOceanNode(scripted_node.url, signer, state_folder=tmp_path) as node:
            lane = NonceLane(node._state, node._name, signer.address)
            with lane.next():
                stop = asyncio.create_task(node.stop(JOB_ID))
                await asyncio.sleep(0.05)
                stop.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await stop
            await node.stop(JOB_ID)

    asyncio.run(asyncio.wait_for(run(), 20))
    assert scripted_node.paths() == [f"PUT {COMPUTE}"]
