# SPDX-License-Identifier: Apache-2.0
"""How jobs end, and what they are at on the way. Success is told by the exit code only."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from tests.conformance import programs
from tests.conformance.files import Files
from tests.conformance.session import Account, Record, Run

WAY = [1, 10, 12, 20, 30, 40, 60, 71]
STATUS_TEXTS = {
    1: "Job queued",
    10: "Pulling algorithm image",
    12: "Building algorithm image",
    20: "Configuring volumes",
    30: "Provisioning data",
    40: "Running algorithm ",
    60: "Publishing results",
    71: "Job settling",
}


def kinds(run: Run) -> list[str]:
    return [result["type"] for result in run.final["results"]]


def rises(seen: list[int]) -> bool:
    return all(WAY.index(before) <= WAY.index(after) for before, after in itertools.pairwise(seen))


def test_a_job_goes_its_way_to_71(finished: Run, failed: Run):
    for run in (finished, failed):
        assert rises(run.statuses), run.statuses
        assert run.statuses[-1] == 71
        assert all(record["statusText"] == STATUS_TEXTS[record["status"]] for record in run.seen)


def test_a_job_that_ran_to_its_end(finished: Run):
    job = finished.final

    assert job["terminationDetails"] == {"exitCode": 0, "OOMKilled": False}
    assert kinds(finished) == ["imageLog", "configurationLog", "algorithmLog", "output"]
    assert [result["index"] for result in job["results"]] == [0, 1, 2, 3]
    assert (job["stopRequested"], job["algoDuration"]) == (False, 0)
    assert float(job["dateCreated"]) <= float(job["algoStartTimestamp"]) <= float(job["algoStopTimestamp"])
    assert float(job["algoStopTimestamp"]) <= float(job["dateFinished"])


def test_results_appear_while_the_job_goes_on(stopped: Any):
    assert [entry["type"] for entry in stopped.results_while_running] == ["imageLog", "configurationLog"]


def test_an_algorithm_that_fails_ends_as_one_that_succeeds(failed: Run):
    assert (failed.final["status"], failed.exit_code) == (71, 3)
    assert kinds(failed) == ["imageLog", "configurationLog", "algorithmLog", "output"]
    assert failed.log() == [(1, b"out\n"), (2, b"err\n")]


def test_a_job_over_its_time_is_killed(timed_out: Run):
    job = timed_out.final

    assert (job["status"], job["terminationDetails"]) == (71, {"exitCode": 137, "OOMKilled": False})
    assert job["stopRequested"] is False
    assert float(job["algoStopTimestamp"]) - float(job["algoStartTimestamp"]) >= job["maxJobDuration"]
    assert "output" in kinds(timed_out)


def test_an_entry_point_that_does_not_exist_is_41(not_started: Run):
    job = not_started.final

    assert (job["status"], job["statusText"]) == (41, "Failed to run algorithm")
    assert job["terminationDetails"] == {"exitCode": None, "OOMKilled": None}
    assert kinds(not_started) == ["imageLog", "configurationLog", "algorithmLog"]
    assert "/no/such/program" in not_started.text("algorithmLog")


def test_data_that_cannot_be_had_is_31(without_data: Run):
    job = without_data.final

    assert (job["status"], job["statusText"]) == (31, "Data provisioning failed")
    assert job["terminationDetails"] == {"exitCode": None, "OOMKilled": None}
    assert kinds(without_data) == ["imageLog", "configurationLog", "algorithmLog"]


def test_a_dataset_that_answers_404_is_31(alice: Account, files: Files):
    run = alice.run("print(1)", datasets=[{"fileObject": files.object("/missing.csv")}])

    assert run.final["status"] == 31
    assert "Unable to write input data to path" in run.text("configurationLog")


def test_an_algorithm_that_answers_404_is_32(alice: Account, files: Files):
    algorithm = {
        "fileObject": files.object("/missing.py"),
        "meta": {"container": alice.node.container()},
    }
    run = alice.run("", algorithm=algorithm)

    assert (run.final["status"], run.final["statusText"]) == (32, "Algorithm provisioning failed")
    assert "Unable to write algorithm to path" in run.text("configurationLog")


def test_algorithm_and_dataset_by_url(alice: Account, files: Files):
    algorithm = {"fileObject": files.object("/algo.py"), "meta": {"container": alice.node.container()}}
    datasets = [{"fileObject": files.object("/n.txt?version=2", headers={"x-api-key": "local"})}]

    run = alice.run("", algorithm=algorithm, datasets=datasets)

    assert (run.exit_code, run.stdout()) == (0, "answer 42\n")
    assert ("/n.txt?version=2", "local") in files.requested


def test_an_algorithm_without_memory_is_killed(alice: Account, environment: Record):
    least = {entry["id"]: entry["min"] for entry in environment["resources"]}["ram"]
    if not 0 < least <= 2:
        pytest.skip(f"the least memory of a job is {least} GB on this node")

    run = alice.run(programs.TAKES_ALL_MEMORY)

    assert (run.final["status"], run.final["terminationDetails"]) == (
        71,
        {"exitCode": 137, "OOMKilled": True},
    )


def test_a_job_over_its_disk_quota_is_42(alice: Account, environment: Record, measured: int):
    most = {entry["id"]: entry["max"] for entry in environment["free"]["resources"]}["disk"]
    if most < 1:
        pytest.skip("free jobs of this node have no disk of their own")

    program = programs.WRITES_LATE % (measured, 130)
    run = alice.run(program, resources=[{"id": "disk", "amount": 1}])

    job = run.final
    assert (job["status"], job["statusText"]) == (42, "Error: disk quota exceeded")
    assert job["terminationDetails"] == {"exitCode": None, "OOMKilled": None}
    assert kinds(run) == ["imageLog", "configurationLog", "algorithmLog"]


def test_an_image_is_built_where_it_is_allowed(alice: Account, environment: Record):
    if not environment["free"].get("allowImageBuild"):
        pytest.skip("the free environment of this node builds no images")
    container = alice.node.container(
        dockerfile=f"FROM {alice.node.image}\nCOPY extra.txt /extra.txt\n",
        additionalDockerFiles={"extra.txt": "extra file"},
    )
    code = "print(open('/extra.txt').read())"

    run = alice.run("", algorithm={"meta": {"rawcode": code, "container": container}})

    assert run.started["status"] == 12
    assert (run.exit_code, run.stdout()) == (0, "extra file\n")
    assert float(run.final["buildStopTimestamp"]) >= float(run.final["buildStartTimestamp"]) > 0
    assert "Step 1/2 : FROM " in run.text("imageLog")


def test_an_image_build_that_fails_is_13(alice: Account, environment: Record):
    if not environment["free"].get("allowImageBuild"):
        pytest.skip("the free environment of this node builds no images")
    container = alice.node.container(dockerfile=f"FROM {alice.node.image}\nCOPY nothing.txt /\n")

    run = alice.run("", algorithm={"meta": {"rawcode": "print(1)", "container": container}})

    assert (run.final["status"], run.final["statusText"]) == (13, "Building algorithm image failed")
    assert run.final["terminationDetails"] == {"exitCode": None, "OOMKilled": None}
