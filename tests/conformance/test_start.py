# SPDX-License-Identifier: Apache-2.0
"""Free starts: the reply to one that is taken, and the words of those that are refused."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.conformance.session import API, Account, Node, Record, Run

UNKNOWN_DID = "did:op:" + "0" * 64
START_KEYS = [
    "owner",
    "jobId",
    "jobIdHash",
    "dateCreated",
    "dateFinished",
    "status",
    "statusText",
    "results",
    "maxJobDuration",
    "environment",
    "stopRequested",
    "resources",
    "isFree",
    "algoStartTimestamp",
    "algoStopTimestamp",
    "payment",
    "metadata",
    "additionalViewers",
    "terminationDetails",
    "algoDuration",
    "queueMaxWaitTime",
    "buildStartTimestamp",
    "buildStopTimestamp",
]


def refusal(who: Account, **fields: Any) -> tuple[int, Any]:
    reply = who.ask_for(**fields)
    assert reply.headers["content-type"] == "application/json; charset=utf-8"
    return reply.status_code, reply.json()


def missing(field: str) -> tuple[int, str]:
    return 400, (
        f'Missing one ( "{field}" ) or more required field(s) for command: "freeStartCompute". '
        "Required fields: algorithm,datasets,environment"
    )


def container_with(node: Node, **changes: Any) -> Record:
    return {"meta": {"rawcode": "print(1)", "container": node.container(**changes)}}


def test_a_start_answers_with_the_job(finished: Run, alice: Account, viewer: Account):
    job = finished.started

    assert list(job) == START_KEYS
    assert re.fullmatch(r"0x[0-9a-f]{64}-[0-9a-f]{64}", job["jobId"])
    assert job["jobId"].split("-")[0] == alice.environment.split("-")[0]
    assert re.fullmatch(r"\d{10}(\.\d{1,3})?", job["dateCreated"])
    assert (job["status"], job["statusText"]) == (10, "Pulling algorithm image")
    assert (job["owner"], job["environment"]) == (alice.address, alice.environment)
    assert (job["dateFinished"], job["results"], job["isFree"], job["payment"]) == (None, [], True, None)
    assert job["additionalViewers"] == [viewer.address]
    assert list(job["metadata"]) == ["token"]
    assert job["terminationDetails"] == {"exitCode": None, "OOMKilled": None}
    assert (job["algoStartTimestamp"], job["algoStopTimestamp"]) == ("0", "0")
    assert (job["stopRequested"], job["queueMaxWaitTime"], job["algoDuration"]) == (False, 0, 0)


def test_resources_that_are_missing_are_the_least(finished: Run, environment: Record):
    least = {entry["id"]: entry["min"] for entry in environment["resources"]}

    assert {entry["id"]: entry["amount"] for entry in finished.started["resources"]} == {
        entry["id"]: least[entry["id"]] for entry in environment["free"]["resources"]
    }


def test_a_duration_beyond_the_environments_is_cut(finished: Run, timed_out: Run, environment: Record):
    # Asked for none, and for 5.
    assert finished.started["maxJobDuration"] == environment["free"]["maxJobDuration"]
    assert timed_out.started["maxJobDuration"] == 5


@pytest.mark.parametrize("field", ["environment", "datasets", "algorithm"])
def test_a_start_without_a_field_is_refused(stranger: Account, field: str):
    assert refusal(stranger, **{field: None}) == missing(field)


def test_a_start_without_a_json_body_is_refused(node: Node):
    empty = node.request("POST", f"{API}/freeCompute")
    form = node.request("POST", f"{API}/freeCompute", data={"environment": "x"})
    broken = node.request(
        "POST", f"{API}/freeCompute", data='{"environment":', headers={"content-type": "application/json"}
    )

    for reply in (empty, form):
        assert (reply.status_code, reply.json()) == missing("algorithm")
    assert (broken.status_code, broken.headers["content-type"]) == (400, "text/html; charset=utf-8")
    assert "<pre>SyntaxError: " in broken.text


@pytest.mark.parametrize("made", ["0x00-0x11", "docker", "{cluster}-0x11"])
def test_an_unknown_environment_is_refused(stranger: Account, made: str):
    environment = made.format(cluster=stranger.environment.split("-")[0])

    assert refusal(stranger, environment=environment) == (500, "Invalid C2D Environment")


def test_an_environment_for_others_is_refused(stranger: Account):
    for found in stranger.node.environments():
        if (found.get("free") or {}).get("access", {}).get("addresses"):
            break
    else:
        pytest.skip("no environment with an access list of addresses on this node")

    assert refusal(stranger, environment=found["id"]) == (403, "Access denied")


def test_an_environment_without_free_jobs_is_refused(stranger: Account):
    for found in stranger.node.environments():
        if not found.get("free") and not found["access"]["addresses"] and not found["access"]["accessLists"]:
            break
    else:
        pytest.skip("every open environment of this node has free jobs")

    assert refusal(stranger, environment=found["id"]) == (
        400,
        "TypeError: Cannot read properties of undefined (reading 'access')",
    )


@pytest.mark.parametrize("resource", ["cpu", "ram", "disk"])
def test_more_than_a_free_job_may_have_is_refused(stranger: Account, environment: Record, resource: str):
    most = {entry["id"]: entry["max"] for entry in environment["free"]["resources"]}[resource]

    assert refusal(stranger, resources=[{"id": resource, "amount": most + 1}]) == (
        400,
        f"Error: Not enough {resource} resources. Requested {most + 1}, but max is {most}",
    )


def test_resources_must_be_a_list(stranger: Account):
    assert refusal(stranger, resources={"cpu": 1}) == (400, "TypeError: resources is not iterable")


def test_an_algorithm_without_a_container_is_refused(stranger: Account):
    assert refusal(stranger, algorithm={"meta": {"rawcode": "print(1)"}}) == (
        500,
        'Unable to extract docker image null from algoritm: {"meta":{"rawcode":"print(1)"}}',
    )


@pytest.mark.parametrize(
    ("changes", "image"),
    [
        ({"image": "localhost:5999/nope", "tag": "latest"}, "localhost:5999/nope:latest"),
        ({"image": "localhost:5999/nope", "tag": None}, "localhost:5999/nope:latest"),
        ({"image": "localhost:5999/nope", "checksum": "sha256:00"}, "localhost:5999/nope@sha256:00"),
    ],
)
def test_an_image_that_cannot_be_had_is_refused(stranger: Account, changes: Record, image: str):
    architecture = next(iter(stranger.node.environments()))["platform"]["architecture"]

    status, words = refusal(stranger, algorithm=container_with(stranger.node, **changes))

    assert status == 500
    assert words.startswith(
        f"Cannot find image {image} for {architecture}. "
        "Maybe it does not exist or it's build for other arhitectures."
    )


def test_an_image_build_is_refused_where_it_is_not_allowed(stranger: Account, environment: Record):
    if environment["free"].get("allowImageBuild"):
        pytest.skip("the free environment of this node builds images")

    algorithm = container_with(stranger.node, dockerfile="FROM scratch\n")
    assert refusal(stranger, algorithm=algorithm) == (500, "Building image is not allowed for free jobs")


def test_metadata_of_more_than_1024_characters_is_refused(stranger: Account):
    assert refusal(stranger, metadata={"key": "x" * 1015}) == (500, "Metadata size is too large")


def test_a_dataset_or_algorithm_that_nobody_published_is_refused(stranger: Account):
    dataset = [{"documentId": UNKNOWN_DID, "serviceId": "s"}]

    assert refusal(stranger, datasets=dataset) == (500, f"DDO {UNKNOWN_DID} not found")
    assert refusal(stranger, datasets=[{"documentId": "nope", "serviceId": "s"}]) == (
        500,
        "DDO nope not found",
    )


@pytest.mark.usefixtures("buckets")
def test_an_output_bucket_must_be_ones_own(stranger: Account):
    unknown = "7d1f6f0e-0000-4000-8000-000000000000"
    foreign = (403, "You are not allowed to access this bucket")

    assert refusal(stranger, outputBucketId="x") == (400, "Invalid bucketId")
    assert refusal(stranger, outputBucketId=unknown) == foreign
    assert refusal(stranger, outputBucketId=unknown, output="04ab") == (
        400,
        "output and outputBucketId are mutually exclusive",
    )


def test_a_start_by_direct_command(stranger: Account):
    reply = stranger.node.direct("freeStartCompute", **stranger.start_request("1", environment="nowhere-0"))

    assert (reply.status_code, reply.text) == (500, "Invalid C2D Environment")
    assert "content-type" not in reply.headers
