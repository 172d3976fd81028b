# SPDX-License-Identifier: Apache-2.0
"""Requests that a real Ocean Node refused, sent again: same status, content type and words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.local_ocean_node.running import (
    RECORDED_ENVIRONMENT,
    Consumer,
    consumer,
    fast,
    python_image,
    recordings,
    running_ocean_node,
    shape,
)

STARTS = recordings("free-start")
RECORDED_CLUSTER = "0xff1004b67de08fc505fbf0a2089010d0f23015338c7def8557697513c4a39935"
MAIN = f"{RECORDED_CLUSTER}-0x0b48e8b76296e4fe08a16d3871b4523f7196327d73ccd2da67d5fb0d9c367632"
WALLED = STARTS["env-walled"]["request"]["body"]["json"]["environment"]
SHORT = STARTS["build-not-allowed"]["request"]["body"]["json"]["environment"]
SOMEBODY_ELSE = "0xa0Ee7A142d267C1f36714E4a8F75612F20a79720"

REFUSED_STARTS = [
    "missing-environment",
    "missing-datasets",
    "datasets-null",
    "env-unknown-cluster",
    "env-unknown-id",
    "env-no-dash",
    "env-walled",
    "resources-too-many",
    "resources-ram-too-much",
    "resources-not-a-list",
    "algorithm-no-meta",
    "bucket-unknown",
    "bucket-not-uuid",
    "bucket-and-output",
    "dataset-foreign-bucket",
    "dataset-unknown-did",
    "dataset-bad-did",
    "build-not-allowed",
    "start-form-body",
    "start-no-body",
]


@pytest.fixture(scope="module")
def walled(tmp_path_factory: pytest.TempPathFactory):
    """A node with the recorded node's main environment and its walled one."""
    closed = type(RECORDED_ENVIRONMENT)(free_addresses=(SOMEBODY_ELSE,))
    settings = fast(tmp_path_factory.mktemp("walled"), environments=(RECORDED_ENVIRONMENT, closed))
    with running_ocean_node(settings) as url:
        yield consumer(url)


@pytest.mark.parametrize("name", REFUSED_STARTS)
def test_a_start_is_refused_in_the_recorded_words(walled: Consumer, name: str):
    recorded = STARTS[name]

    reply = replay(walled, recorded)

    assert reply.status_code == recorded["response"]["status"]
    assert reply.headers["content-type"] == recorded["response"]["headers"]["content-type"]
    assert reply.json() == recorded["response"]["body"]["json"]


def test_a_missing_image_is_refused_with_a_reason_behind_the_recorded_words(walled: Consumer):
    recorded = STARTS["image-unknown"]

    reply = replay(walled, recorded)

    assert reply.status_code == recorded["response"]["status"]
    assert reply.json() == (
        f"{recorded['response']['body']['json']} "
        "(This local Ocean Node runs images named python, on its own interpreter.)"
    )


def test_metadata_beyond_1024_characters_is_refused(walled: Consumer):
    reply = walled.ask_for(metadata={"key": "x" * 1015})

    assert (reply.status_code, reply.json()) == (500, "Metadata size is too large")


def test_a_body_that_is_no_json_gets_an_error_page(walled: Consumer):
    recorded = STARTS["start-not-json"]["response"]

    reply = requests.post(
        f"{walled.url}/api/services/freeCompute", data="{", headers={"content-type": "application/json"}
    )

    assert (reply.status_code, reply.headers["content-type"]) == (400, recorded["headers"]["content-type"])
    assert "<pre>SyntaxError: " in reply.text


def test_a_body_beyond_100_kb_gets_an_error_page(walled: Consumer):
    recorded = STARTS["body-too-large"]["response"]

    reply = walled.ask_for("#" * 102_400)

    assert (reply.status_code, reply.headers["content-type"]) == (413, recorded["headers"]["content-type"])
    assert "<pre>PayloadTooLargeError: request entity too large" in reply.text


def test_a_body_just_below_100_kb_is_taken(walled: Consumer):
    job_id = walled.start("#" * 101_000)

    assert walled.wait_for(job_id)["terminationDetails"]["exitCode"] == 0


@pytest.mark.parametrize(
    "name", ["unknown-route", "no-db-ddo", "no-db-query", "no-db-state", "no-db-initialize"]
)
def test_routes_without_an_index_answer_as_recorded(walled: Consumer, name: str):
    recorded = recordings("node")[name]

    reply = replay(walled, recorded)

    assert (reply.status_code, reply.text) == (
        recorded["response"]["status"],
        recorded["response"]["body"]["text"],
    )
    assert reply.headers["content-type"] == recorded["response"]["headers"]["content-type"]


@pytest.mark.parametrize(
    "name",
    ["status-unknown-cluster", "status-nothing", "list-bad-address", "list-agreement"],
)
def test_status_answers_as_recorded(walled: Consumer, name: str):
    recorded = recordings("status-list")[name]

    reply = replay(walled, recorded)

    assert reply.status_code == recorded["response"]["status"]
    assert reply.headers["content-type"] == recorded["response"]["headers"]["content-type"]
    body = recorded["response"]["body"]
    assert reply.text == body.get("text", json.dumps(body.get("json")))


@pytest.mark.parametrize(
    "name", ["stop-unknown", "stop-unknown-cluster", "stop-bare-id", "stop-no-auth", "stop-delete"]
)
def test_stop_answers_as_recorded(walled: Consumer, name: str):
    recorded = recordings("stop")[name]

    reply = replay(walled, recorded)

    assert reply.status_code == recorded["response"]["status"]
    assert reply.headers["content-type"] == recorded["response"]["headers"]["content-type"]
    body = recorded["response"]["body"]
    assert reply.text == body.get("text", json.dumps(body.get("json")))


@pytest.mark.parametrize(
    "name",
    [
        "result-no-index",
        "result-no-jobid",
        "result-index-negative",
        "result-bare-id",
        "result-unknown-job",
        "result-unknown-cluster",
        "result-no-auth",
    ],
)
def test_results_answer_as_recorded(walled: Consumer, name: str):
    recorded = recordings("results")[name]

    reply = replay(walled, recorded)

    assert (reply.status_code, reply.text) == (
        recorded["response"]["status"],
        recorded["response"]["body"]["text"],
    )
    assert reply.headers["content-type"] == recorded["response"]["headers"]["content-type"]


@pytest.mark.parametrize(
    "name", ["fileinfo-bad-method", "fileinfo-no-url", "fileinfo-did-unknown", "fileinfo-did-no-service"]
)
def test_file_info_is_refused_in_the_recorded_words(walled: Consumer, name: str):
    recorded = recordings("encrypt-fileinfo")[name]

    reply = replay(walled, recorded)

    assert (reply.status_code, reply.text) == (
        recorded["response"]["status"],
        recorded["response"]["body"]["text"],
    )


def test_the_environment_is_described_as_on_a_real_node(walled: Consumer):
    recorded = recordings("environments")["environments-all"]["response"]["body"]["json"][1]

    (environment, closed) = walled.environments()

    assert shape(environment) == shape(recorded)
    assert environment["free"]["resources"] == [
        {"id": "cpu", "max": 1, "inUse": 0},
        {"id": "ram", "max": 1, "inUse": 0},
        {"id": "disk", "max": 1, "inUse": 0},
    ]
    assert environment["free"]["maxJobDuration"] == 600
    assert closed["free"]["access"] == {"addresses": [SOMEBODY_ELSE], "accessLists": []}


def test_environments_of_a_chain_are_none(walled: Consumer):
    assert walled.get("/api/services/computeEnvironments", chainId="8996").json() == []


def test_a_paid_start_finds_no_environment_that_takes_payments(walled: Consumer):
    request = {
        **walled.signed("startCompute"),
        "environment": walled.environments()[0]["id"],
        "algorithm": {"meta": {"rawcode": "1", "container": python_image()}},
        "datasets": [],
        "maxJobDuration": 60,
    }

    without_payment = walled.post("/api/services/compute", request)
    again = {**request, **walled.signed("startCompute"), "payment": {"chainId": 8996, "token": "0x0"}}
    with_payment = walled.post("/api/services/compute", again)

    assert (without_payment.status_code, without_payment.json()) == (
        500,
        "Cannot read properties of null (reading 'chainId')",
    )
    assert (with_payment.status_code, with_payment.json()) == (
        500,
        "This compute env does not accept payments on chain: 8996 using token 0x0",
    )


def test_the_node_names_itself_as_a_real_one(walled: Consumer):
    recorded = recordings("node")

    root = walled.get("/").json()
    status = walled.direct("status")

    assert [key for key, _ in shape(root)] == [
        key for key, _ in shape(recorded["root"]["response"]["body"]["json"])
    ]
    assert root["providerAddress"] == walled.environments()[0]["consumerAddress"]
    assert root["nodeId"].startswith("16Uiu2HA")
    assert root["version"] == "0.0.1"
    assert (status.status_code, "content-type" in status.headers) == (200, False)
    assert list(status.json()) == list(recorded["status-command"]["response"]["body"]["json"])
    assert status.json()["version"] == "3.2.0"


def test_an_unknown_command_is_refused(walled: Consumer):
    recorded = recordings("node")["direct-unknown-command"]["response"]

    reply = walled.direct("noSuchCommand")

    assert (reply.status_code, reply.text) == (recorded["status"], recorded["body"]["text"])


def test_a_preflight_is_answered(walled: Consumer):
    reply = requests.options(f"{walled.url}/api/services/compute")

    assert (reply.status_code, reply.headers["access-control-allow-origin"]) == (204, "*")


def test_the_key_is_readable_by_its_owner_only(tmp_path: Path):
    with running_ocean_node(fast(tmp_path)):
        pass

    assert (tmp_path / "node.key").stat().st_mode & 0o777 == 0o600


def replay(who: Consumer, recorded: dict) -> requests.Response:
    """Send a recorded request for this node and account, signed anew where it was signed."""
    request = recorded["request"]
    main, walled = (environment["id"] for environment in who.environments())
    names = {
        WALLED: walled,
        MAIN: main,
        SHORT: main,
        RECORDED_CLUSTER: main.split("-")[0],
        "repo.test:5000/c2d-base": "python",
    }

    def local(value):
        text = json.dumps(value)
        for theirs, ours in names.items():
            text = text.replace(theirs, ours)
        return json.loads(text)

    query, body = local(request.get("query") or {}), local((request["body"] or {}).get("json"))
    for fields in (query, body or {}):
        if "consumerAddress" in fields and len(fields["consumerAddress"]) == 42:
            fields["consumerAddress"] = who.address
        if "signature" in fields:
            fields |= who.signed(COMMANDS[request["method"], request["path"]], nonce=None)
    form = (request["body"] or {}).get("text")
    return requests.request(
        request["method"],
        who.url + request["path"],
        params=query,
        json=body,
        data=form,
        headers={key: value for key, value in request["headers"].items() if key == "content-type" and form},
    )


COMMANDS = {
    ("POST", "/api/services/freeCompute"): "freeStartCompute",
    ("PUT", "/api/services/compute"): "stopCompute",
    ("DELETE", "/api/services/compute"): "stopCompute",
    ("GET", "/api/services/computeResult"): "getComputeResult",
}


@pytest.mark.parametrize("odd", [7, True, [], {"a": 1}, 2**70, "9" * 400])
@pytest.mark.parametrize(
    ("command", "field"),
    [
        ("createAuthToken", "address"),
        ("createAuthToken", "nonce"),
        ("invalidateAuthToken", "address"),
        ("freeStartCompute", "nonce"),
        ("getComputeStatus", "jobId"),
        ("jobs", "consumerAddrs"),
        ("jobs", "environments"),
    ],
)
def test_whatever_json_can_hold_gets_an_answer_in_words(alice: Consumer, command: str, field: str, odd: Any):
    signed = alice.signed(command)
    fields = {**signed, "address": alice.address, "token": "x", "algorithm": {}, "datasets": []}
    value = [odd] if command == "jobs" else odd

    reply = alice.direct(command, **{**fields, "environment": "0x00-0x00", field: value})

    assert reply.text != "Internal Server Error"
    assert reply.status_code in (200, 400, 401, 500)


@pytest.mark.parametrize("name", [[], {}, 7, None])
def test_a_resource_without_a_name_is_ignored(alice: Consumer, name: Any):
    reply = alice.ask_for(resources=[{"id": name, "amount": 99}])

    assert reply.status_code == 200
    alice.wait_for(reply.json()[0]["jobId"])


def test_a_slash_at_the_end_of_a_path_is_the_same_path(alice: Consumer):
    assert alice.get("/api/services/computeEnvironments/").json()
    assert alice.get("/api/services/computeEnvironments//").status_code == 404
