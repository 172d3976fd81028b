# SPDX-License-Identifier: Apache-2.0
"""What becomes of jobs when the node stops: containers end with it, records stay."""

from __future__ import annotations

import time
from dataclasses import replace

import psutil
import pytest

from tests.local_ocean_node.running import (
    RECORDED_ENVIRONMENT,
    consumer,
    fast,
    recordings,
    running_ocean_node,
)

SLEEPS = "import time; time.sleep(60)"


def test_finished_jobs_and_their_results_are_kept(tmp_path):
    settings = fast(tmp_path)
    with running_ocean_node(settings) as url:
        who = consumer(url)
        job_id, before = who.run("print('kept')")

    with running_ocean_node(settings) as url:
        who = consumer(url)
        assert who.status(job_id) == before
        assert who.stdout(job_id) == "kept\n"
        assert who.environments()[0]["id"] == before["environment"]


def test_a_job_whose_image_was_being_pulled_has_failed(tmp_path):
    with running_ocean_node(fast(tmp_path, tick_seconds=30)) as url:
        job_id = consumer(url).start("print(1)")

    with running_ocean_node(fast(tmp_path)) as url:
        job = consumer(url).wait_for(job_id)

    assert (job["status"], job["statusText"]) == (11, "Pulling algorithm image failed")


def test_a_running_algorithm_ends_with_the_node_and_its_job_fails_as_one_whose_container_was_removed(
    tmp_path,
):
    settings = fast(tmp_path)
    with running_ocean_node(settings) as url:
        who = consumer(url)
        job_id = who.start(SLEEPS)
        who.wait_until_running(job_id)

    family = psutil.Process().children()
    assert [one.name() for one in family if one.name() == "bwrap"] == []
    with running_ocean_node(settings) as url:
        who = consumer(url)
        job = who.wait_for(job_id)
        log = who.result(job_id, "configurationLog").decode()

    assert (job["status"], job["statusText"]) == (32, "Algorithm provisioning failed")
    assert job["terminationDetails"] == {"exitCode": None, "OOMKilled": None}
    assert "Unable to write algorithm to path" in log


def test_a_queued_job_goes_on_waiting(tmp_path):
    settings = fast(tmp_path, environments=(replace(RECORDED_ENVIRONMENT, free_max_jobs=1),))
    with running_ocean_node(settings) as url:
        who = consumer(url)
        running = who.start(SLEEPS)
        who.wait_until_running(running)
        queued = who.start("print('at last')", queueMaxWaitTime=600)
        assert who.status(queued)["status"] == 1

    with running_ocean_node(settings) as url:
        who = consumer(url)
        job = who.wait_for(queued)
        assert who.wait_for(running)["status"] == 32

    assert job["status"] == 71


@pytest.mark.parametrize(
    ("status", "final", "exit_code"), [(20, 71, 0), (30, 71, 0), (60, 62, None)], ids=["20", "30", "60"]
)
def test_a_job_goes_on_from_the_status_it_had(tmp_path, status, final, exit_code):
    with running_ocean_node(fast(tmp_path, tick_seconds=0.6)) as url:
        who = consumer(url)
        job_id = who.start("print('done')")
        who.wait_for(job_id, status)

    with running_ocean_node(fast(tmp_path)) as url:
        who = consumer(url)
        job = who.wait_for(job_id)

    assert (job["status"], job["terminationDetails"]["exitCode"]) == (final, exit_code)
    if final == 62:
        # As on a real node whose container somebody removed before its outputs were fetched.
        recorded = recordings("jobs")["outputs-lost-final"]["response"]["body"]["json"][0]
        assert [one["type"] for one in job["results"]] == [one["type"] for one in recorded["results"]]


def test_the_jobs_of_an_environment_that_is_no_more_are_dropped(tmp_path):
    two = (RECORDED_ENVIRONMENT, replace(RECORDED_ENVIRONMENT, description="the other"))
    with running_ocean_node(fast(tmp_path, environments=two)) as url:
        who = consumer(url)
        kept, _ = who.run("print(1)")
        who.run("print(1)", environment=who.environments()[1]["id"])
        running = who.start(SLEEPS, environment=who.environments()[1]["id"])
        who.wait_until_running(running)

    with running_ocean_node(fast(tmp_path, expiry_interval_seconds=0.3)) as url:
        who = consumer(url)
        while len(jobs := who.get("/api/services/compute", consumerAddress=who.address).json()) > 1:
            time.sleep(0.01)

    assert [job["jobId"] for job in jobs] == [kept.split("-")[1]]


def test_what_an_earlier_node_left_of_its_sandboxes_is_cleared(tmp_path):
    with running_ocean_node(fast(tmp_path)):
        pass
    (tmp_path / "containers" / "gone" / "data").mkdir(parents=True)

    with running_ocean_node(fast(tmp_path)):
        assert list((tmp_path / "containers").iterdir()) == []
