# SPDX-License-Identifier: Apache-2.0
"""What becomes of jobs when the node stops: containers end with it, records stay."""

from __future__ import annotations

from dataclasses import replace

import psutil

from tests.local_ocean_node.running import RECORDED_ENVIRONMENT, consumer, fast, running_ocean_node

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
