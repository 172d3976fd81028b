# SPDX-License-Identifier: Apache-2.0
"""The ways a job ends other than well."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from tests.local_ocean_node.running import (
    RECORDED_ENVIRONMENT,
    Consumer,
    consumer,
    fast,
    python_image,
    recordings,
    running_ocean_node,
)


def ask(entrypoint: str, code: str = "print(1)") -> dict:
    return {"algorithm": {"meta": {"rawcode": code, "container": python_image(entrypoint)}}}


@pytest.mark.parametrize(
    ("code", "exit_code"), [("import sys; sys.exit(3)", 3), ("raise ValueError('bad')", 1)]
)
def test_the_exit_code_is_the_algorithms(alice: Consumer, code: str, exit_code: int):
    _, job = alice.run(code)

    assert (job["status"], job["terminationDetails"]) == (71, {"exitCode": exit_code, "OOMKilled": False})


def test_a_traceback_is_in_the_log(alice: Consumer):
    job_id, _ = alice.run("raise ValueError('bad')")

    assert alice.log(job_id)[-1] == (2, "ValueError: bad\n")


def test_too_much_memory_is_killed(alice: Consumer):
    code = "print('eating', flush=True)\nmeal = []\nwhile True: meal.append(bytearray(32 << 20))"

    job_id, job = alice.run(code)

    assert (job["status"], job["terminationDetails"]) == (71, {"exitCode": 137, "OOMKilled": True})
    assert alice.stdout(job_id) == "eating\n"


def test_memory_of_child_processes_counts_too(alice: Consumer):
    code = """
import subprocess, sys
eat = "import time; meal = bytearray(400 << 20); time.sleep(60)"
[child.wait() for child in [subprocess.Popen([sys.executable, "-c", eat]) for _ in range(4)]]
"""

    _, job = alice.run(code)

    assert job["terminationDetails"] == {"exitCode": 137, "OOMKilled": True}


def test_pages_that_processes_share_count_once(alice: Consumer):
    code = """
import os, time
meal = bytearray(600 << 20)
if os.fork() == 0:
    sum(meal[::4096]); time.sleep(0.6); os._exit(0)
os.wait()
"""

    _, job = alice.run(code)

    assert job["terminationDetails"] == {"exitCode": 0, "OOMKilled": False}


def test_past_its_time_it_is_killed_and_keeps_its_files(alice: Consumer):
    code = "import time; open('/data/outputs/early.txt', 'w').write('early'); time.sleep(60)"

    job_id, job = alice.run(code, maxJobDuration=1)

    assert (job["status"], job["stopRequested"]) == (71, False)
    assert job["terminationDetails"] == {"exitCode": 137, "OOMKilled": False}
    assert float(job["algoStopTimestamp"]) - float(job["algoStartTimestamp"]) >= 1
    assert b"early" in alice.result(job_id, "output")


def test_more_disk_than_asked_for_ends_without_output(alice: Consumer):
    code = """
import time
time.sleep(0.5)
with open('/data/outputs/big', 'wb') as file:
    while True:
        file.write(bytes(1 << 20)); file.flush(); time.sleep(0.005)
"""

    _, job = alice.run(code, resources=[{"id": "disk", "amount": 0.02}])

    assert (job["status"], job["statusText"]) == (42, "Error: disk quota exceeded")
    assert job["terminationDetails"] == {"exitCode": None, "OOMKilled": None}
    assert [result["type"] for result in job["results"]] == ["imageLog", "configurationLog", "algorithmLog"]


@pytest.mark.parametrize(
    ("entrypoint", "reason"),
    [
        ("/no/such/program $ALGO", "stat /no/such/program: no such file or directory"),
        ("no-such-program $ALGO", "executable file not found in $PATH"),
        ("$ALGO", "permission denied"),
        ("/etc/passwd", "stat /etc/passwd: no such file or directory"),
    ],
)
def test_an_entry_point_that_is_no_program_does_not_start(alice: Consumer, entrypoint: str, reason: str):
    recorded = recordings("jobs")["no-start-result-algorithmLog"]["response"]["body"]["text"]

    job_id, job = alice.run("print(1)", **ask(entrypoint))

    program = entrypoint.split()[0].replace("$ALGO", "data/transformations/algorithm")
    assert (job["status"], job["statusText"]) == (41, "Failed to run algorithm")
    assert job["terminationDetails"] == {"exitCode": None, "OOMKilled": None}
    assert job["algoStartTimestamp"] == job["algoStopTimestamp"] != "0"
    log = alice.result(job_id, "algorithmLog").decode()
    assert log == f'{recorded.partition("exec: ")[0]}exec: "{program}": {reason}: unknown '


def test_without_an_entry_point_the_images_own_reads_nothing(alice: Consumer):
    job_id, job = alice.run("print(1)", **ask(""))

    assert (job["terminationDetails"]["exitCode"], alice.log(job_id)) == (0, [])


def test_an_entry_point_is_split_at_blanks_and_algo_replaced_once(alice: Consumer):
    code = "import sys; print(sys.argv)"

    job_id, _ = alice.run(code, **ask("python3 $ALGO $ALGO 'a b'", code))

    assert alice.stdout(job_id) == "['data/transformations/algorithm', '$ALGO', \"'a\", \"b'\"]\n"


def test_finished_jobs_are_settled_by_the_clock(tmp_path):
    with running_ocean_node(fast(tmp_path, claim_interval_seconds=0.05)) as url:
        who = consumer(url)
        job_id = who.start("print(1)")
        never_started = who.start("print(1)", **ask("/no/such/program"))
        for one in (job_id, never_started):
            while not who.status(one)["dateFinished"]:
                time.sleep(0.01)

        while (job := who.status(job_id))["status"] != 70:
            time.sleep(0.01)
        while (other := who.status(never_started))["status"] != 70:
            time.sleep(0.01)

    assert (job["statusText"], job["terminationDetails"]["exitCode"]) == ("Job finished", 0)
    # As on a real node: finished in name, without having run.
    assert (other["statusText"], other["terminationDetails"]["exitCode"]) == ("Job finished", None)


def test_expired_results_go_with_their_record(tmp_path):
    environment = replace(RECORDED_ENVIRONMENT, storage_expiry=0)
    settings = fast(tmp_path, environments=(environment,), expiry_interval_seconds=0.3)
    with running_ocean_node(settings) as url:
        who = consumer(url)
        job_id = who.start("print(1)")
        while who.get("/api/services/compute", jobId=job_id).json():
            time.sleep(0.01)
        query = {**who.signed("getComputeResult"), "jobId": job_id, "index": 0}

        reply = who.get("/api/services/computeResult", **query)

    assert (reply.status_code, reply.text) == (500, f"Cannot find job with id {job_id.split('-')[1]}")
    assert list((tmp_path / "c2d_storage").glob("*/*")) == []
