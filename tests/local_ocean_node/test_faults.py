# SPDX-License-Identifier: Apache-2.0
"""What tests can make a node do wrong, each kind once, by file, by settings and by route."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import urllib3

from airflow_provider_deflow.errors import SettingsError
from airflow_provider_deflow.local_ocean_node.faults import load_rules, read_rules
from tests.local_ocean_node.running import Consumer, consumer, fast, recordings, running_ocean_node

SLEEPS = "import time; time.sleep(60)"
# What comes at all has come by then, on a busy machine too.
STALLED_SECONDS = 2.0


class Faulty(Consumer):
    """A consumer who may also say what goes wrong."""

    def set(self, *rules: dict[str, Any]) -> None:
        reply = requests.put(f"{self.url}/_deflow/faults", json=rules)
        assert reply.status_code == 200, reply.text


@pytest.fixture(scope="module")
def faulty_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_ocean_node(fast(tmp_path_factory.mktemp("faulty"), test_routes=True)) as url:
        yield url


@pytest.fixture
def node(faulty_url: str) -> Iterator[Faulty]:
    who = Faulty(faulty_url, consumer(faulty_url).signer)
    yield who
    requests.delete(f"{faulty_url}/_deflow/faults")
    while any(job["dateFinished"] is None for job in jobs_of(who)):
        time.sleep(0.02)


def test_a_node_without_test_routes_has_none(node_url: str):
    assert requests.put(f"{node_url}/_deflow/faults", json=[]).status_code == 404


def test_rules_are_listed_with_how_often_they_were_met_and_cleared(node: Faulty):
    rule = {"command": "getComputeEnvironments", "what": "refuse", "status": 503, "words": "away", "after": 1}
    node.set(rule)

    codes = [node.get("/api/services/computeEnvironments").status_code for _ in range(3)]

    # The route has no words of its own for a refusal.
    assert codes == [200, 500, 200]
    assert node.get("/_deflow/faults").json() == [{"rule": rule, "met": 3}]
    assert requests.delete(f"{node.url}/_deflow/faults").json() == []
    assert node.get("/_deflow/faults").json() == []


def test_the_rate_limit_does_not_keep_a_test_from_its_faults(tmp_path: Path):
    with running_ocean_node(fast(tmp_path, requests_per_minute=1, test_routes=True)) as url:
        codes = [requests.get(f"{url}{path}").status_code for path in ("/", "/", "/_deflow/faults")]

    assert codes == [200, 429, 200]


@pytest.mark.parametrize(
    ("rules", "complaint"),
    [
        ({"what": "slow"}, "they must be a list of rules"),
        (
            [{"what": "slow", "command": "jobs", "secnds": 1}],
            "rule 0, slow, seconds: Field required; rule 0, slow, secnds: is no field of this kind of rule",
        ),
        (
            [{"what": "drop", "command": "jobs"}, {"what": "explode"}],
            "rule 1: Input tag 'explode' found using 'what' does not match any of the expected tags",
        ),
        ([{"what": "drop"}], "rule 0, drop: Value error, needs either route or command"),
        ([{"what": "drop", "command": "a", "route": "b"}], "needs either route or command"),
        ([{"what": "forget", "route": "*"}], "needs command: only a command names a job"),
        ([{"what": "fail", "stage": "lunch"}], "rule 0, fail, stage: Input should be 'pull', "),
        (
            [{"what": "drop", "command": "a", "times": 0}],
            "rule 0, drop, times: Input should be greater than 0",
        ),
    ],
)
def test_rules_that_make_no_sense_are_refused_with_their_place(node: Faulty, rules: Any, complaint: str):
    with pytest.raises(SettingsError) as refused:
        read_rules(rules)
    reply = requests.put(f"{node.url}/_deflow/faults", json=rules)

    assert complaint in str(refused.value)
    assert (reply.status_code, reply.json()) == (400, {"error": str(refused.value)})


def test_rules_come_from_a_file(tmp_path: Path):
    path = tmp_path / "faults.json"
    path.write_text(json.dumps([{"what": "fail", "stage": "create"}]))

    with running_ocean_node(fast(tmp_path / "node", faults=tuple(load_rules(path)))) as url:
        _, first = consumer(url).run("print(1)")
        _, second = consumer(url).run("print(1)")

    assert (first["status"], second["status"]) == (22, 71)


def test_a_file_that_is_no_json_is_said(tmp_path: Path):
    (tmp_path / "faults.json").write_text("[")

    with pytest.raises(SettingsError, match=r"faults\.json cannot be read"):
        load_rules(tmp_path / "faults.json")


def test_slow(node: Faulty):
    node.set({"what": "slow", "route": "GET /api/services/nonce", "seconds": 0.3})

    began = time.monotonic()
    assert node.get("/api/services/nonce", userAddress=node.address).status_code == 200
    assert time.monotonic() - began >= 0.3


def test_busy_as_a_real_node_says_it(node: Faulty):
    recorded = recordings("free-start")["busy"]["response"]
    node.set({"what": "busy", "command": "freeStartCompute"})

    reply = node.ask_for()

    assert (reply.status_code, reply.json()) == (recorded["status"], recorded["body"]["json"])
    assert reply.headers["content-type"] == recorded["headers"]["content-type"]
    assert node.ask_for().status_code == 200


def test_a_command_refuses_in_the_wording_of_its_route(node: Faulty):
    refusal = {"what": "refuse", "status": 401, "words": "Invalid token", "times": None}
    node.set({**refusal, "command": "freeStartCompute"}, {**refusal, "command": "createAuthToken"})

    start = node.ask_for()
    token = node.post("/api/services/auth/token", {"address": node.address, "signature": "0x"})
    direct = node.direct("freeStartCompute")

    assert (start.status_code, start.text) == (401, '"Invalid token"')
    assert (token.status_code, token.json()) == (401, {"error": "Invalid token"})
    assert (direct.status_code, direct.text) == (401, "Invalid token")


def test_a_route_refuses_as_what_stands_in_front_of_a_node_does(node: Faulty):
    words = "Rate limit exceeded. Try again in 56 seconds."
    node.set({"what": "refuse", "route": "POST /api/services/freeCompute", "status": 429, "words": words})

    reply = node.ask_for()

    assert (reply.status_code, reply.text) == (429, words)


def test_a_connection_that_drops_before_anything_was_done(node: Faulty):
    node.set({"what": "drop", "command": "freeStartCompute"})
    before = len(jobs_of(node))

    with pytest.raises(requests.ConnectionError):
        node.ask_for()

    assert len(jobs_of(node)) == before


@pytest.mark.parametrize(
    "where", [{"command": "freeStartCompute"}, {"route": "POST /api/services/freeCompute"}]
)
def test_a_reply_that_is_lost_after_the_job_was_started(node: Faulty, where: dict[str, str]):
    node.set({"what": "lose_reply", **where})
    before = len(jobs_of(node))

    with pytest.raises(requests.ConnectionError):
        node.ask_for()

    assert len(jobs_of(node)) == before + 1


def test_headers_and_then_nothing(node: Faulty):
    node.set({"what": "stall", "command": "getComputeEnvironments"})

    reply = requests.get(f"{node.url}/api/services/computeEnvironments", stream=True, timeout=STALLED_SECONDS)
    assert reply.status_code == 200
    with pytest.raises(requests.ConnectionError, match="timed out"):
        reply.content  # noqa: B018 - reading is what fails


def test_half_a_body_and_then_nothing(node: Faulty):
    node.set({"what": "stall", "route": "GET /", "body_bytes": 10})

    reply = requests.get(node.url, stream=True, timeout=STALLED_SECONDS)

    assert reply.raw.read(10) == b'{"nodeId":'
    with pytest.raises(Exception, match="timed out"):
        reply.raw.read(1)


def test_a_download_that_is_cut(node: Faulty):
    job_id, job = node.run("open('/data/outputs/a', 'wb').write(bytes(100_000))")
    (index,) = (result["index"] for result in job["results"] if result["type"] == "output")
    node.set({"what": "cut", "command": "getComputeResult", "body_bytes": 70_000})
    query = {**node.signed("getComputeResult"), "jobId": job_id, "index": index}

    reply = requests.get(f"{node.url}/api/services/computeResult", params=query, stream=True)
    assert len(reply.raw.read(70_000)) == 70_000
    with pytest.raises(urllib3.exceptions.ProtocolError):
        reply.raw.read(1)

    assert len(node.result(job_id, "output")) > 100_000


def test_a_job_that_is_forgotten(node: Faulty):
    job_id = node.start(SLEEPS)
    node.wait_until_running(job_id)
    node.set({"what": "forget", "command": "getComputeStatus"})

    reply = node.get("/api/services/compute", jobId=job_id)
    result = node.get("/api/services/computeResult", **node.signed("getComputeResult"), jobId=job_id, index=0)

    assert (reply.status_code, reply.json()) == (200, [])
    assert (result.status_code, result.text) == (500, f"Cannot find job with id {job_id.split('-')[1]}")
    assert node.environments()[0]["runningJobs"] == 0


@pytest.mark.parametrize("name", ["", "../..", "."])
def test_only_a_job_that_is_there_is_forgotten(node: Faulty, name: str):
    job_id, _ = node.run("print('kept')")
    node.set({"what": "forget", "command": "getComputeStatus"})

    node.get("/api/services/compute", jobId=f"{job_id.split('-')[0]}-{name}")

    assert node.stdout(job_id) == "kept\n"


def test_a_clock_that_is_an_hour_ahead(node: Faulty):
    job_id, job = node.run("print(1)")
    node.set({"what": "clock_skew", "command": "getComputeStatus", "seconds": 3600})

    ahead = node.status(job_id)

    for date in ("dateCreated", "dateFinished", "algoStartTimestamp", "algoStopTimestamp"):
        assert float(ahead[date]) - float(job[date]) == pytest.approx(3600, abs=0.002)
    assert ahead["buildStartTimestamp"] == "0"


@pytest.mark.parametrize(
    ("stage", "status", "text", "exit_code"),
    [
        ("pull", 11, "Pulling algorithm image failed", None),
        ("volume", 21, "Volume creation failed", None),
        ("create", 22, "Container creation failed", None),
        ("algorithm", 32, "Algorithm provisioning failed", None),
        ("provision", 31, "Data provisioning failed", None),
        ("upload", 33, "Data upload to container failed", None),
        ("start", 41, "Failed to run algorithm", None),
        ("run", 71, "Job settling", 137),
        ("disk", 42, "Error: disk quota exceeded", None),
        ("publish", 62, "Failed to upload results to storage", None),
    ],
)
def test_a_job_fails_at_the_stage_asked_for(
    node: Faulty, stage: str, status: int, text: str, exit_code: int | None
):
    node.set({"what": "fail", "stage": stage})

    _, job = node.run("import time; time.sleep(0.3)")

    assert (job["status"], job["statusText"]) == (status, text)
    assert job["terminationDetails"]["exitCode"] == exit_code
    assert node.run("print(1)")[1]["terminationDetails"]["exitCode"] == 0


def test_trap_23_an_engine_that_stands_still_answers_as_ever(node: Faulty):
    node.set({"what": "wedge"})
    job_id = node.start("print(1)")
    node.wait_for(job_id, 20)

    # Passed by so often that it would have moved.
    while node.get("/_deflow/faults").json()[0]["met"] < 5:
        time.sleep(0.02)

    (stopped,) = node.stop(job_id).json()
    assert (stopped["status"], stopped["stopRequested"]) == (20, True)
    requests.delete(f"{node.url}/_deflow/faults")
    assert node.wait_for(job_id)["status"] == 71


def jobs_of(who: Consumer) -> list[dict[str, Any]]:
    return list(who.get("/api/services/compute", consumerAddress=who.address).json())
