# SPDX-License-Identifier: Apache-2.0
"""A full environment: what is refused, what waits, what is shown as in use."""

from __future__ import annotations

from tests.conformance.stories import Queued


def test_a_full_environment_refuses(queued: Queued):
    assert queued.refusal.status_code == 400
    assert queued.refusal.json().startswith(("Not enough available cpu", "Too many running free jobs "))


def test_a_job_that_may_wait_is_queued(queued: Queued):
    assert (queued.started["status"], queued.started["statusText"]) == (1, "Job queued")
    assert (queued.waiting["status"], queued.waiting["results"]) == (1, [])
    assert queued.waiting["queueMaxWaitTime"] == 600


def test_a_job_that_waited_too_long_is_2(queued: Queued):
    job = queued.expired.final

    assert (job["status"], job["statusText"]) == (2, "Job expired in queue")
    assert job["terminationDetails"] == {"exitCode": None, "OOMKilled": None}
    assert job["results"] == []


def test_the_environment_shows_what_waits_and_runs(queued: Queued):
    environment = queued.environment

    assert environment["queuedFreeJobs"] >= 1
    assert environment["runningfreeJobs"] >= 1
    assert {entry["id"]: entry["inUse"] for entry in environment["free"]["resources"]}["cpu"] >= 1
    # Seconds since 1970 and not since the start: of no use to anybody.
    assert environment["runMaxWaitTime"] < -1_000_000_000


def test_a_queued_job_runs_when_there_is_room(queued: Queued):
    assert {10, 20, 30, 40} & set(queued.run.statuses)
    assert queued.run.final["queueMaxWaitTime"] == 600
