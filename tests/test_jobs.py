# SPDX-License-Identifier: Apache-2.0
"""At most one living job per node of a run: found, followed, reused, or started, on a real local Ocean Node.

What happens to each state on each occasion is in test_generations.py; here are lost messages, crashes,
changed inputs and what is remembered.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_deflow import errors, job_search, jobs
from airflow_provider_deflow.ocean.compute import ComputeJob, JobRequest
from airflow_provider_deflow.signing import KeySigner
from tests import proxy
from tests.local_ocean_node.running import KEYS, fast, running_ocean_node
from tests.one_node import NODE, SIGNER, SLEEP, Memory, OceanNodeOfTest

START = "POST /api/services/freeCompute"


@pytest.fixture
def ocean_node(tmp_path: Any) -> Iterator[OceanNodeOfTest]:
    with running_ocean_node(fast(tmp_path / "node")) as url, proxy.between(url) as between:
        yield OceanNodeOfTest(between)


def test_a_node_without_a_job_gets_one(ocean_node: OceanNodeOfTest) -> None:
    found = ocean_node.find_or_start()

    assert (found.how, found.generation) == ("started", 0)
    assert [job.job_id for job in ocean_node.all_jobs()] == [found.job.job_id]


def test_the_key_says_nothing_and_is_the_wallets_alone() -> None:
    key = job_search.key_of(SIGNER, NODE, "i1", 0)

    assert key == job_search.key_of(SIGNER, NODE, "i1", 0)
    assert len(key) == 64
    others = {
        job_search.key_of(KeySigner(KEYS[1]), NODE, "i1", 0),
        job_search.key_of(SIGNER, NODE, "i2", 0),
        job_search.key_of(SIGNER, NODE, "i1", 1),
        job_search.key_of(SIGNER, job_search.NodeOfRun("deflow_drawn", "run 2", "train"), "i1", 0),
    }
    assert len(others) == 4
    assert key not in others


def test_a_retry_follows_the_living_job(ocean_node: OceanNodeOfTest) -> None:
    first = ocean_node.find_or_start(SLEEP)

    again = ocean_node.find_or_start(SLEEP)

    assert (again.how, again.job.job_id) == ("followed", first.job.job_id)
    assert len(ocean_node.all_jobs()) == 1


def test_a_retry_whose_memory_is_gone_follows_the_living_job(ocean_node: OceanNodeOfTest) -> None:
    first = ocean_node.find_or_start(SLEEP)
    ocean_node.memory.clear()

    again = ocean_node.find_or_start(SLEEP)

    assert (again.how, again.job.job_id) == ("followed", first.job.job_id)


def test_a_succeeded_job_with_equal_inputs_is_reused(ocean_node: OceanNodeOfTest) -> None:
    first = ocean_node.end_of(ocean_node.find_or_start().job)

    again = ocean_node.find_or_start()

    assert first.outcome == "succeeded"
    assert (again.how, again.job.job_id) == ("reused", first.job_id)


def test_a_failed_job_lets_the_next_generation_start(ocean_node: OceanNodeOfTest) -> None:
    first = ocean_node.end_of(ocean_node.find_or_start("raise SystemExit(3)").job)

    again = ocean_node.find_or_start()

    assert first.outcome == "failed"
    assert (again.how, again.generation) == ("started", 1)
    assert len(ocean_node.all_jobs()) == 2


def test_generations_are_found_without_memory(ocean_node: OceanNodeOfTest) -> None:
    ocean_node.end_of(ocean_node.find_or_start("raise SystemExit(3)").job)
    second = ocean_node.find_or_start(SLEEP)
    ocean_node.memory.clear()

    again = ocean_node.find_or_start(SLEEP)

    assert (again.how, again.generation, again.job.job_id) == ("followed", 1, second.job.job_id)


def test_a_job_of_another_run_is_never_taken(ocean_node: OceanNodeOfTest) -> None:
    first = ocean_node.end_of(ocean_node.find_or_start().job)
    ocean_node.memory.clear()

    other = ocean_node.find_or_start(node=job_search.NodeOfRun("deflow_drawn", "run 2", "train"))

    assert other.how == "started"
    assert other.job.job_id != first.job_id


def test_changed_inputs_stop_the_living_job_first(ocean_node: OceanNodeOfTest) -> None:
    old = ocean_node.find_or_start(SLEEP, inputs="i1").job

    new = ocean_node.find_or_start(inputs="i2")

    assert new.how == "started"
    stopped = ocean_node.client.status(old.job_id)
    assert stopped is not None
    assert stopped.outcome == "stopped"


def test_a_job_that_was_asked_to_stop_is_waited_for_and_the_next_generation_starts(
    ocean_node: OceanNodeOfTest,
) -> None:
    """As after a clear: the stop is under way when the new attempt looks."""
    old = ocean_node.running(ocean_node.find_or_start(SLEEP).job)
    ocean_node.client.stop(old.job_id)

    new = ocean_node.find_or_start()

    assert (new.how, new.generation) == ("started", 1)
    seen = ocean_node.client.status(old.job_id)
    assert seen is not None
    assert seen.outcome == "stopped"


def test_an_unconfirmed_start_is_looked_for_and_stopped_when_the_inputs_change(
    ocean_node: OceanNodeOfTest,
) -> None:
    old = ocean_node.find_or_start(SLEEP, inputs="i1").job
    ocean_node.memory[jobs.MEMORY_KEY]["job_id"] = None

    new = ocean_node.find_or_start(inputs="i2")

    assert new.how == "started"
    seen = ocean_node.client.status(old.job_id)
    assert seen is not None
    assert seen.outcome == "stopped"


def test_a_lost_reply_to_a_start_is_no_second_job(ocean_node: OceanNodeOfTest) -> None:
    ocean_node.between.lose_reply = START

    found = ocean_node.find_or_start(SLEEP)

    assert ocean_node.between.passed.count(START) == 1
    assert [job.job_id for job in ocean_node.all_jobs()] == [found.job.job_id]
    assert any("looking for the job before anything is sent again" in line for line in ocean_node.said)


def test_a_crash_after_the_send_is_no_second_job(ocean_node: OceanNodeOfTest) -> None:
    """The intent is there, the reply never was: as if the worker had been killed in between."""
    first = ocean_node.find_or_start(SLEEP)
    ocean_node.memory[jobs.MEMORY_KEY]["job_id"] = None

    again = ocean_node.find_or_start(SLEEP)

    assert (again.how, again.job.job_id) == ("followed", first.job.job_id)


def test_an_unconfirmed_start_that_never_arrived_is_sent_again_when_it_is_certain(
    ocean_node: OceanNodeOfTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_search, "UNCONFIRMED_SECONDS", 1.0)
    ocean_node.between.lose_request = START

    with pytest.raises(errors.OceanNodeUnreachable):
        ocean_node.find_or_start()
    again = ocean_node.find_or_start()

    assert again.how == "started"
    assert ocean_node.between.passed.count(START) == 2
    assert len(ocean_node.all_jobs()) == 1


def test_the_intent_is_remembered_before_the_start_is_sent(ocean_node: OceanNodeOfTest) -> None:
    remembered: list[Any] = []

    class Watching(Memory):
        def set(self, key: str, value: Any) -> None:
            remembered.append((value["job_id"] is not None, START in ocean_node.between.passed))
            self[key] = value

    ocean_node.memory = Watching()
    ocean_node.find_or_start()

    assert remembered == [(False, False), (True, True)]


def test_the_intent_is_as_old_as_the_send_not_as_the_waiting_before_it(ocean_node: OceanNodeOfTest) -> None:
    began = time.time()
    original = ocean_node.client.start_free

    def late(request: JobRequest, before_send: Any) -> ComputeJob:
        time.sleep(0.5)  # as long as a wait for the allowance takes
        return original(request, before_send)

    ocean_node.client.start_free = late  # type: ignore[method-assign]
    sent: list[float] = []

    class Watching(Memory):
        def set(self, key: str, value: Any) -> None:
            sent.append(value["sent_at"] - began)
            self[key] = value

    ocean_node.memory = Watching()
    ocean_node.find_or_start()

    assert sent[0] >= 0.5


def test_after_a_start_that_found_nobody_the_next_one_is_not_delayed(tmp_path: Any) -> None:
    """The Ocean Node goes away between the look for a job and the start: the connection is refused."""
    with running_ocean_node(fast(tmp_path / "node")) as url:
        with proxy.between(url) as between:
            ocean_node = OceanNodeOfTest(between)

            def request_of_a_node_that_goes_away() -> JobRequest:
                request = ocean_node.request("pass")
                between.go_away()
                return request

            with pytest.raises(errors.OceanNodeUnreachable, match="nothing was sent"):
                ocean_node.find_or_start(request=request_of_a_node_that_goes_away)
        with proxy.between(url) as between:
            again = OceanNodeOfTest(between)
            again.memory = ocean_node.memory

            found = again.find_or_start()

    assert (found.how, found.generation) == ("started", 0)
    assert not [line for line in again.said if "looking again" in line]
