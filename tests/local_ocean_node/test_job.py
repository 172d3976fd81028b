# SPDX-License-Identifier: Apache-2.0
"""A free job from start to results, in the shapes of the recordings."""

from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
import requests

from tests.local_ocean_node.running import Consumer, consumer, frames, recordings, shape

JOBS = recordings("jobs")

WRITES_AND_TALKS = """
import sys
open('/data/outputs/part.txt', 'w').write('part')
print('out', flush=True)
print('err', file=sys.stderr)
"""


@pytest.fixture(scope="module")
def finished(node_url: str):
    who = consumer(node_url)
    job_id, job = who.run(WRITES_AND_TALKS, metadata={"key": "k"}, maxJobDuration=60)
    return who, job_id, job


def test_the_start_reply_is_that_of_a_real_node(alice: Consumer):
    recorded = JOBS["exit3-start"]["response"]

    reply = alice.ask_for()

    assert reply.status_code == recorded["status"]
    assert reply.headers["content-type"] == recorded["headers"]["content-type"]
    assert shape(reply.json()) == shape(recorded["body"]["json"])
    (job,) = reply.json()
    cluster_hash, bare = job["jobId"].split("-")
    assert (job["status"], job["statusText"]) == (10, "Pulling algorithm image")
    assert job["environment"].startswith(f"{cluster_hash}-0x")
    assert job["jobIdHash"] == "0x" + hashlib.sha256(bare.encode()).hexdigest()
    assert job["resources"] == [
        {"id": "cpu", "amount": 1},
        {"id": "ram", "amount": 1},
        {"id": "disk", "amount": 0},
    ]
    alice.wait_for(job["jobId"])


def test_a_finished_job_reads_as_on_a_real_node(finished):
    _, job_id, job = finished
    recorded = JOBS["exit3-final"]["response"]["body"]["json"][0]

    assert shape({**job, "metadata": None}) == shape(recorded)
    assert job["jobId"] == job_id.split("-")[1]
    assert (job["status"], job["statusText"]) == (71, "Job settling")
    assert job["terminationDetails"] == {"exitCode": 0, "OOMKilled": False}
    assert (job["metadata"], job["maxJobDuration"]) == ({"key": "k"}, 60)
    assert [(result["index"], result["type"], result["filename"]) for result in job["results"]] == [
        (0, "imageLog", "image.log"),
        (1, "configurationLog", "configuration.log"),
        (2, "algorithmLog", "algorithm.log"),
        (3, "output", "outputs.tar"),
    ]
    assert float(job["dateCreated"]) <= float(job["algoStartTimestamp"]) <= float(job["algoStopTimestamp"])
    assert float(job["algoStopTimestamp"]) <= float(job["dateFinished"])


def test_its_output_is_framed_and_told_apart(finished):
    who, job_id, _ = finished

    assert sorted(who.log(job_id)) == [(1, "out\n"), (2, "err\n")]


def test_its_files_come_as_a_plain_tar(finished):
    who, job_id, _ = finished

    with tarfile.open(fileobj=io.BytesIO(who.result(job_id, "output")), mode="r:") as tar:
        assert tar.getnames() == ["outputs", "outputs/part.txt"]
        assert (tar.getmember("outputs").uid, tar.getmember("outputs/part.txt").uid) == (0, 1000)


def test_the_configuration_log_has_the_real_nodes_words(finished):
    who, job_id, _ = finished
    cluster_hash, bare = job_id.split("-")

    assert who.result(job_id, "configurationLog").decode().splitlines() == [
        "Writing algocustom data to '/data/inputs/algoCustomData.json'",
        f"Writing raw algo code to ./c2d_storage/{cluster_hash}/{bare}/data/transformations/algorithm",
        "All good with data provisioning, will start uploading it...",
    ]


def test_all_stages_are_passed_in_order(alice: Consumer):
    job_id = alice.start("import time; time.sleep(0.3)")
    seen = []
    while not (job := alice.status(job_id))["dateFinished"]:
        if not seen or seen[-1] != job["status"]:
            seen.append(job["status"])

    assert seen == sorted(seen)
    assert set(seen) <= {10, 20, 30, 40, 60}
    assert 40 in seen
    assert job["status"] == 71


def test_scikit_learn_runs_in_one_gigabyte(alice: Consumer):
    code = """
import numpy
from sklearn.linear_model import LogisticRegression
inputs = numpy.random.default_rng(0).normal(size=(2000, 20))
print(LogisticRegression().fit(inputs, inputs[:, 0] > 0).score(inputs, inputs[:, 0] > 0) > 0.9)
"""
    job_id, job = alice.run(code, resources=[{"id": "ram", "amount": 1}])

    assert job["terminationDetails"] == {"exitCode": 0, "OOMKilled": False}, alice.log(job_id)
    assert alice.stdout(job_id) == "True\n"


def test_live_logs_follow_until_the_end(alice: Consumer):
    code = "import time\nfor n in range(5): print('line', n, flush=True); time.sleep(0.1)"
    job_id = alice.start(code)
    alice.wait_until_running(job_id)
    query = {**alice.signed("getComputeStreamableLogs"), "jobId": job_id}

    reply = alice.get("/api/services/computeStreamableLogs", **query)

    assert reply.status_code == 200
    assert "content-type" not in reply.headers
    assert frames(reply.content) == [(1, f"line {n}\n") for n in range(5)]


def test_live_logs_are_not_even_answered_before_the_first_word(alice: Consumer):
    job_id = alice.start("import time; time.sleep(60)")
    alice.wait_until_running(job_id)
    query = {**alice.signed("getComputeStreamableLogs"), "jobId": job_id}

    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{alice.url}/api/services/computeStreamableLogs", query, stream=True, timeout=0.5)

    alice.stop(job_id)


def test_live_logs_of_a_job_that_does_not_run_are_not_there(finished):
    who, job_id, _ = finished
    recorded = recordings("live-logs")["logs-after-end"]["response"]
    query = {**who.signed("getComputeStreamableLogs"), "jobId": job_id}

    reply = who.get("/api/services/computeStreamableLogs", **query)

    assert (reply.status_code, reply.text) == (recorded["status"], recorded["body"]["text"])
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
