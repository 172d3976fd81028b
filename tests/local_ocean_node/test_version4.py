# SPDX-License-Identifier: Apache-2.0
"""What the next major version answers differently, and that today's does not."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import requests

from airflow_provider_deflow.signing import keccak
from tests.local_ocean_node.running import (
    RECORDED_ENVIRONMENT,
    Consumer,
    consumer,
    fast,
    next_nonce,
    running_ocean_node,
)

BUSY = "import time\nend = time.time() + 1.5\nwhile time.time() < end: pass"


@pytest.fixture(scope="module")
def next_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    settings = fast(tmp_path_factory.mktemp("next"), version="4.0.0")
    with running_ocean_node(settings) as url:
        yield url


@pytest.fixture
def carol(next_url: str) -> Consumer:
    return consumer(next_url, 3)


@pytest.fixture
def dave(next_url: str) -> Consumer:
    return consumer(next_url, 4)


def token_request(who: Consumer, *, peer_id: str = "", **fields: Any) -> dict[str, Any]:
    nonce = next_nonce()
    while (digest := keccak(f"{who.address}{nonce}createAuthToken{peer_id}".encode())).startswith(b"\0"):
        nonce = next_nonce()  # one signature in 256 is refused
    return {
        "address": who.address,
        "nonce": str(nonce),
        "signature": who.signer.sign_message(digest),
        **fields,
    }


def new_token(who: Consumer, **fields: Any) -> str:
    request = token_request(who, peer_id=who.get("/").json()["nodeId"], **fields)
    reply = who.post("/api/services/auth/token", request)
    assert reply.status_code == 200, reply.text
    return str(reply.json()["token"])


def test_the_version_is_told_by_the_status_command_only(carol: Consumer, alice: Consumer):
    assert carol.direct("status").json()["version"] == "4.0.0"
    assert alice.direct("status").json()["version"] == "3.2.0"
    assert carol.get("/").json()["version"] == alice.get("/").json()["version"] == "0.0.1"


def test_routes_are_not_listed_any_more(carol: Consumer, alice: Consumer):
    assert "serviceEndpoints" in alice.get("/").json()
    assert list(carol.get("/").json()) == [
        "nodeId",
        "chainIds",
        "providerAddress",
        "nodePublicKey",
        "software",
        "version",
    ]


def test_a_token_is_asked_for_with_the_peer_id_signed_too(carol: Consumer):
    peer_id = carol.get("/").json()["nodeId"]

    without = carol.post("/api/services/auth/token", token_request(carol))
    with_it = carol.post("/api/services/auth/token", token_request(carol, peer_id=peer_id))

    assert (without.status_code, without.json()) == (
        401,
        {"error": "consumer address and nonce signature mismatch"},
    )
    payload = with_it.json()["token"].split(".")[1]
    content = json.loads(base64.urlsafe_b64decode(payload + "=="))
    assert content["issuerPeerId"] == peer_id
    assert set(content) == {"address", "nonce", "createdAt", "iat", "signature", "issuerPeerId"}


def test_a_token_acts_for_its_own_address_only(carol: Consumer, dave: Consumer):
    token = new_token(carol)

    def start_as(who: Consumer) -> requests.Response:
        body = {
            "consumerAddress": who.address,
            "environment": "0x00-0x00",
            "algorithm": {},
            "datasets": [],
        }
        return who.post("/api/services/freeCompute", body, headers={"authorization": token})

    own, other = start_as(carol), start_as(dave)

    assert (own.status_code, own.json()) == (500, "Invalid C2D Environment")
    assert (other.status_code, other.json()) == (
        401,
        "Authenticated address does not match the requested address",
    )


def test_a_wrong_signature_ends_no_token(carol: Consumer, dave: Consumer):
    token = new_token(carol)
    wrong = {**token_request(dave), "token": token}

    refused = carol.post("/api/services/auth/token/invalidate", wrong)
    still = carol.direct("validateAuthToken", token=token).json()
    signed = carol.signed("invalidateAuthToken")
    signed["address"] = signed.pop("consumerAddress")
    ended = carol.post("/api/services/auth/token/invalidate", {**signed, "token": token})

    assert (refused.status_code, refused.json()) == (400, {"error": "Invalid signature"})
    assert still == {"valid": True, "validUntil": None}
    assert ended.json() == {"success": True}
    assert carol.direct("validateAuthToken", token=token).json() == {"valid": False}


def test_other_nodes_may_ask_how_long_a_token_is_valid(carol: Consumer, alice: Consumer):
    until = int(time.time() * 1000) + 60_000
    token = new_token(carol, validUntil=until)

    assert carol.direct("validateAuthToken", token=token).json() == {"valid": True, "validUntil": until}
    assert alice.direct("validateAuthToken", token=token).status_code == 400


def test_trap_13_an_address_may_be_spelt_in_any_case(carol: Consumer):
    lower = carol.address.lower()

    job_id, job = carol.run("print(1)", **carol.signed("freeStartCompute", address=lower))
    found = carol.get("/api/services/compute", consumerAddress=lower).json()
    query = {**carol.signed("getComputeResult", address=lower), "jobId": job_id, "index": 0}
    result = carol.get("/api/services/computeResult", **query)

    assert job["owner"] == carol.address
    assert job["jobId"] in [one["jobId"] for one in found]
    assert result.status_code == 200


def test_all_spellings_of_an_address_share_their_nonces(carol: Consumer):
    carol.ask_for(environment="0x00-0x00", **carol.signed("freeStartCompute", address=carol.address.lower()))

    known = {
        carol.get("/api/services/nonce", userAddress=address).json()["nonce"]
        for address in (carol.address, carol.address.lower())
    }

    assert len(known) == 1
    assert known != {"0"}


def test_environments_say_their_features_and_their_resources_their_kind(carol: Consumer, alice: Consumer):
    (environment,) = carol.environments()

    assert environment["features"] == {"computeJobs": True, "services": False}
    assert {one["kind"] for one in environment["resources"]} == {"fungible"}
    assert all("total" in one for one in environment["free"]["resources"])
    assert [one["max"] for one in environment["free"]["resources"]] == [1, 1, 1]
    assert "features" not in alice.environments()[0]


@pytest.mark.parametrize(("version", "status"), [("4.0.0", 403), ("3.2.0", 200)])
def test_an_environment_may_run_no_jobs_at_all(tmp_path, version: str, status: int):
    environment = replace(RECORDED_ENVIRONMENT, compute_jobs=False)
    with running_ocean_node(fast(tmp_path, version=version, environments=(environment,))) as url:
        reply = consumer(url).ask_for()

    assert reply.status_code == status
    if status == 403:
        assert reply.json() == "Compute jobs are not enabled on this environment"


def test_an_owner_sees_what_the_algorithm_uses_and_nobody_else_does(carol: Consumer, dave: Consumer):
    job_id = carol.start(BUSY, resources=[{"id": "disk", "amount": 1}])
    route = "/api/services/compute"

    def status(who: Consumer, **query: Any) -> dict[str, Any]:
        (job,) = who.get(route, jobId=job_id, **query).json()
        return dict(job)

    carol.wait_until_running(job_id)
    while "runtimeMetrics" not in (job := status(carol, **carol.signed("getComputeStatus"))):
        assert job["status"] == 40
        time.sleep(0.05)
    running = job["runtimeMetrics"]
    carol.wait_for(job_id)
    ended = status(carol, **carol.signed("getComputeStatus"))["runtimeMetrics"]

    assert running["containerState"]["status"] == "running"
    assert running["memory"]["limitBytes"] == 1 << 30
    assert 0 < running["memory"]["usageBytes"] <= ended["memory"]["peakUsageBytes"]
    assert running["disk"]["quotaBytes"] == 1 << 30
    assert running["pids"]["current"] >= 1
    assert ended["containerState"] | {"startedAt": "", "finishedAt": ""} == {
        "status": "exited",
        "startedAt": "",
        "finishedAt": "",
        "exitCode": 0,
        "oomKilled": False,
        "restartCount": 0,
    }
    assert ended["cpu"]["cumulativeSeconds"] >= running["cpu"]["cumulativeSeconds"]
    # Unsigned, opted out, or signed by somebody who is not the owner.
    assert "runtimeMetrics" not in status(carol)
    assert "runtimeMetrics" not in status(carol, includeMetrics="false", **carol.signed("getComputeStatus"))
    assert carol.get(route, jobId=job_id, **dave.signed("getComputeStatus")).json() == []


def test_metrics_asked_for_by_name_are_refused_without_proof(carol: Consumer):
    job_id, _ = carol.run("print(1)")

    nobody = carol.direct("getComputeStatus", jobId=job_id, includeMetrics=True)
    unsigned = carol.direct(
        "getComputeStatus", jobId=job_id, consumerAddress=carol.address, includeMetrics=True
    )
    route = carol.get("/api/services/compute", jobId=job_id, includeMetrics="true")

    assert (nobody.status_code, nobody.text) == (400, "includeMetrics requires consumerAddress")
    assert unsigned.status_code == 401
    assert (route.status_code, route.text) == (500, "Internal Server Error")


def test_today_nobody_sees_metrics(alice: Consumer):
    job_id, _ = alice.run("print(1)")

    (job,) = alice.get(
        "/api/services/compute", jobId=job_id, includeMetrics="true", **alice.signed("getComputeStatus")
    ).json()

    assert "runtimeMetrics" not in job


def test_a_time_to_list_from_is_a_date_or_a_number_or_refused(carol: Consumer):
    _, job = carol.run("print(1)")
    finished = float(job["dateFinished"])

    def listed(since: str) -> requests.Response:
        return carol.direct("jobs", consumerAddrs=[carol.address.lower()], fromTimestamp=since)

    for since in (str(int(finished)), str(int(finished * 1000) - 1), "2001-01-01", "999999999"):
        assert job["jobId"] in [one["jobId"] for one in listed(since).json()], since
    assert listed(str(int(finished) + 5)).json() == []
    refused = listed("yesterday")
    assert (refused.status_code, refused.text) == (
        400,
        'Parameter "fromTimestamp" is not a valid date: "yesterday" — use an ISO date or a Unix timestamp',
    )


def test_a_test_may_change_the_version_of_a_node_that_runs(tmp_path):
    with running_ocean_node(fast(tmp_path, test_routes=True)) as url:
        who = consumer(url)
        seen = [who.direct("status").json()["version"]]
        rule = {"what": "version", "version": "4.0.0"}
        assert requests.put(f"{url}/_deflow/faults", json=[rule]).status_code == 200
        seen.append(who.direct("status").json()["version"])
        assert "serviceEndpoints" not in who.get("/").json()
        requests.delete(f"{url}/_deflow/faults")
        seen.append(who.direct("status").json()["version"])

    assert seen == ["3.2.0", "4.0.0", "3.2.0"]
