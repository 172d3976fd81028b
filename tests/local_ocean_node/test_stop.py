# SPDX-License-Identifier: Apache-2.0
"""Stopping a job at each of its statuses, and what others can do about it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.local_ocean_node.running import (
    Consumer,
    consumer,
    fast,
    python_image,
    recordings,
    running_ocean_node,
    shape,
)

SLEEPS = """
import time
with open('/data/outputs/early.txt', 'w') as file:
    file.write('early')
print('written', flush=True)
time.sleep(60)
"""
HANDLES_SIGTERM = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
time.sleep(60)
"""


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Consumer]:
    """A node that stays long enough at each status to be met there."""
    with running_ocean_node(fast(tmp_path_factory.mktemp("slow"), tick_seconds=0.6)) as url:
        yield consumer(url)


def test_a_running_job_is_stopped_and_keeps_what_it_wrote(alice: Consumer):
    recorded = recordings("jobs")["user-stop-stop"]["response"]["body"]["json"]
    job_id = alice.start(SLEEPS)
    alice.wait_until_running(job_id)
    query = {**alice.signed("getComputeStreamableLogs"), "jobId": job_id}
    with requests.get(f"{alice.url}/api/services/computeStreamableLogs", params=query, stream=True) as logs:
        next(logs.iter_content(1))

    reply = alice.stop(job_id)
    job = alice.wait_for(job_id)

    assert reply.status_code == 200
    assert shape(reply.json()) == shape(recorded)
    (stopped,) = reply.json()
    assert (stopped["status"], stopped["stopRequested"], stopped["results"]) == (40, True, None)
    assert (job["status"], job["stopRequested"]) == (71, True)
    assert job["terminationDetails"] == {"exitCode": 137, "OOMKilled": False}
    assert b"early" in alice.result(job_id, "output")


def test_a_stop_while_the_image_is_pulled_aborts(tmp_path):
    with running_ocean_node(fast(tmp_path, tick_seconds=2.0)) as url:
        who = consumer(url)
        job_id = who.start(SLEEPS)

        (stopped,) = who.stop(job_id).json()
        job = who.wait_for(job_id)

    assert stopped["status"] == 10
    assert (job["status"], job["statusText"]) == (11, "Pulling algorithm image failed")
    assert job["terminationDetails"] == {"exitCode": None, "OOMKilled": None}
    assert [result["type"] for result in job["results"]] == ["imageLog"]
    # Who aborts the pull writes an older copy of the record over it.
    assert (stopped["stopRequested"], job["stopRequested"]) == (True, False)


@pytest.mark.parametrize("status", [20, 30])
def test_a_stop_before_the_start_acts_once_it_runs(slow: Consumer, status: int):
    job_id = slow.start(HANDLES_SIGTERM)
    slow.wait_for(job_id, status)

    (stopped,) = slow.stop(job_id).json()
    job = slow.wait_for(job_id)

    assert stopped["status"] == status
    # An algorithm that handles SIGTERM ends as it likes; the others are killed.
    assert (job["status"], job["terminationDetails"]["exitCode"]) == (71, 0)
    assert job["algoStartTimestamp"] != "0"


def test_a_stop_after_the_end_only_leaves_its_mark(alice: Consumer):
    job_id, job = alice.run("print(1)")

    (stopped,) = alice.stop(job_id).json()

    assert {**stopped, "results": job["results"]} == {**job, "stopRequested": True}


def test_a_strangers_stop_finds_nothing(alice: Consumer, bob: Consumer):
    job_id = alice.start("import time; time.sleep(0.3)")

    reply = bob.stop(job_id)

    assert (reply.status_code, reply.json()) == (200, [])
    assert alice.wait_for(job_id)["stopRequested"] is False


def test_a_token_stops_too(alice: Consumer):
    signed = alice.signed("createAuthToken")
    signed["address"] = signed.pop("consumerAddress")
    token = alice.post("/api/services/auth/token", signed).json()["token"]
    job_id = alice.start(SLEEPS)
    alice.wait_until_running(job_id)

    reply = requests.put(
        f"{alice.url}/api/services/compute",
        params={"jobId": job_id, "consumerAddress": alice.address},
        headers={"authorization": token},
    )

    assert reply.json()[0]["stopRequested"] is True
    assert alice.wait_for(job_id)["terminationDetails"]["exitCode"] == 137


def test_stop_reads_the_query_only(alice: Consumer):
    job_id, _ = alice.run("print(1)")
    body = {**alice.signed("stopCompute"), "jobId": job_id}

    reply = requests.put(f"{alice.url}/api/services/compute", json=body)

    assert (reply.status_code, reply.text) == (500, "Internal Server Error")


def test_a_stop_that_names_only_the_cluster_stops_all_jobs_of_the_owner(tmp_path):
    with running_ocean_node(fast(tmp_path)) as url:
        alice, bob = consumer(url, 1), consumer(url, 2)
        first, second = (alice.run("print(1)")[0] for _ in range(2))
        bobs, _ = bob.run("print(1)")

        reply = alice.stop(first.split("-")[0] + "-")

        assert {job["jobId"] for job in reply.json()} == {one.split("-")[1] for one in (first, second)}
        assert bob.status(bobs)["stopRequested"] is False


@pytest.mark.parametrize("status", [60, 11, 41])
def test_a_stop_at_any_other_status_only_leaves_its_mark(slow: Consumer, status: int):
    entrypoint = "/no/such/program" if status == 41 else "python3 $ALGO"
    algorithm = {"meta": {"rawcode": "print(1)", "container": python_image(entrypoint)}}
    job_id = slow.start(algorithm=algorithm)
    if status == 11:
        slow.stop(job_id)
    slow.wait_for(job_id, status)

    (stopped,) = slow.stop(job_id).json()
    job = slow.wait_for(job_id)

    assert (stopped["status"], stopped["stopRequested"]) == (status, True)
    assert job["status"] == (71 if status == 60 else status)
    assert job["stopRequested"] is True


def test_a_stop_of_a_job_that_nobody_knows_is_an_empty_list(alice: Consumer):
    cluster = alice.environments()[0]["id"].split("-")[0]

    assert alice.stop(f"{cluster}-{'0' * 64}").json() == []
    assert alice.stop(f"0x00-{'0' * 64}").status_code == 500
