# SPDX-License-Identifier: Apache-2.0
"""What is in use, what waits, and what is refused for want of it."""

from __future__ import annotations

from dataclasses import replace

import psutil
import pytest

from airflow_provider_deflow.local_ocean_node.settings import GIGABYTE
from tests.local_ocean_node.running import (
    RECORDED_ENVIRONMENT,
    consumer,
    fast,
    recordings,
    running_ocean_node,
    shape,
)

WAITS = "import time; time.sleep(60)"
ONE_CORE = replace(RECORDED_ENVIRONMENT, cpu=1, ram=2)


@pytest.fixture
def one_core(tmp_path):
    with running_ocean_node(fast(tmp_path, environments=(ONE_CORE,))) as url:
        yield consumer(url)


def test_a_busy_environment_refuses_and_shows_what_is_in_use(one_core):
    recorded = recordings("queue")["queue-too-many"]["response"]
    job_id = one_core.start(WAITS)

    reply = one_core.ask_for()
    (environment,) = one_core.environments()

    assert (reply.status_code, reply.json()) == (recorded["status"], recorded["body"]["json"])
    assert {entry["id"]: entry["inUse"] for entry in environment["resources"]} == {
        "cpu": 1,
        "ram": 1,
        "disk": 0,
    }
    assert (environment["runningJobs"], environment["runningfreeJobs"]) == (1, 1)
    # Seconds since 1970 and not since the start, as on a real node.
    assert environment["runMaxWaitTime"] < -1_000_000_000
    one_core.stop(job_id)
    one_core.wait_for(job_id)
    assert one_core.environments()[0]["resources"][0]["inUse"] == 0


def test_a_job_that_may_wait_is_queued_and_runs_when_there_is_room(one_core):
    recorded = recordings("queue")["queue-run-at-1"]["response"]["body"]["json"][0]
    running = one_core.start(WAITS)

    queued = one_core.start("print('at last')", queueMaxWaitTime=600)
    job = one_core.status(queued)
    (environment,) = one_core.environments()

    assert shape(job) == shape(recorded)
    assert (job["status"], job["statusText"], job["results"]) == (1, "Job queued", [])
    assert (environment["queuedJobs"], environment["queMaxWaitTime"]) == (1, 600)
    one_core.stop(running)
    job = one_core.wait_for(queued)
    assert (job["status"], job["queueMaxWaitTime"]) == (71, 600)
    assert one_core.stdout(queued) == "at last\n"


def test_a_queued_job_ignores_a_stop_until_it_runs(one_core):
    running = one_core.start(WAITS)
    queued = one_core.start(WAITS, queueMaxWaitTime=600)

    one_core.stop(queued)
    assert one_core.status(queued)["status"] == 1
    one_core.stop(running)
    job = one_core.wait_for(queued)

    assert (job["status"], job["stopRequested"]) == (71, True)
    assert job["terminationDetails"]["exitCode"] == 137


def test_a_job_that_waited_too_long_expires(one_core):
    one_core.start(WAITS)
    queued = one_core.start("print(1)", queueMaxWaitTime=0.2)

    job = one_core.wait_for(queued)

    assert (job["status"], job["statusText"]) == (2, "Job expired in queue")


def test_a_queued_job_that_runs_is_not_counted(one_core):
    queued = one_core.start(WAITS, queueMaxWaitTime=600)
    one_core.wait_for(queued, 40)

    (environment,) = one_core.environments()

    assert (environment["runningJobs"], environment["queuedJobs"]) == (0, 1)
    assert environment["resources"][0]["inUse"] == 0


def test_no_more_free_jobs_than_allowed(tmp_path):
    recorded = recordings("queue")["too-many-free"]["response"]
    environment = replace(RECORDED_ENVIRONMENT, free_max_jobs=1)
    with running_ocean_node(fast(tmp_path, environments=(environment,))) as url:
        who = consumer(url)
        who.start(WAITS)

        reply = who.ask_for()

    assert (reply.status_code, reply.json()) == (recorded["status"], recorded["body"]["json"])


def test_all_environments_together_do_not_exceed_the_machine(tmp_path):
    machine = psutil.virtual_memory().total // GIGABYTE
    all_of_it = replace(RECORDED_ENVIRONMENT, ram=machine, free_ram=machine)
    with running_ocean_node(fast(tmp_path, environments=(all_of_it, all_of_it))) as url:
        who = consumer(url)
        first, second = (environment["id"] for environment in who.environments())
        who.start(WAITS, environment=first, resources=[{"id": "ram", "amount": machine - 1}])

        reply = who.ask_for(environment=second, resources=[{"id": "ram", "amount": 2}])

    assert (reply.status_code, reply.json()) == (
        400,
        "Not enough available ram globally (remaining: 1, requested: 2)",
    )


def test_resources_that_are_unknown_or_text_are_taken(one_core):
    _, job = one_core.run("print(1)", resources=[{"id": "gpu", "amount": 1}, {"id": "cpu", "amount": "many"}])

    assert job["resources"] == [
        {"id": "cpu", "amount": "many"},
        {"id": "ram", "amount": 1},
        {"id": "disk", "amount": 0},
    ]
    assert job["terminationDetails"]["exitCode"] == 0


@pytest.mark.parametrize("wait", [-5, "soon"])
def test_a_wait_below_0_or_no_number_leaves_a_job_that_is_never_looked_at(one_core, wait):
    job_id = one_core.start("print(1)", queueMaxWaitTime=wait)
    _, other = one_core.run("print(1)")

    job = one_core.status(job_id)
    (environment,) = one_core.environments()

    assert other["status"] == 71
    assert (job["status"], job["statusText"], job["queueMaxWaitTime"]) == (0, "Job started", wait)
    assert (environment["runningJobs"], environment["queuedJobs"]) == (0, 1)


def test_a_wait_may_be_text_that_is_a_number(one_core):
    _, job = one_core.run("print(1)", queueMaxWaitTime="60")

    assert (job["status"], job["queueMaxWaitTime"]) == (71, "60")
