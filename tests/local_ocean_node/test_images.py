# SPDX-License-Identifier: Apache-2.0
"""Which images run here, and what is refused about images in a real node's words."""

from __future__ import annotations

import platform
from typing import Any

import pytest

from tests.local_ocean_node.running import Consumer, python_image, recordings


def with_container(**container: Any) -> dict[str, Any]:
    return {"algorithm": {"meta": {"rawcode": "print(1)", "container": {**python_image(), **container}}}}


@pytest.mark.parametrize(
    "container",
    [
        {},
        {"tag": "3.9-slim"},
        {"image": "library/python", "tag": ""},
        {"image": "docker.io/library/python"},
        {"tag": "", "checksum": "sha256:0123"},
    ],
)
def test_python_of_whatever_tag_runs_on_the_nodes_own_interpreter(alice: Consumer, container: dict[str, str]):
    job_id, job = alice.run("", **with_container(**container))

    assert job["terminationDetails"]["exitCode"] == 0
    assert f"Python {platform.python_version()}" in alice.result(job_id, "imageLog").decode()


def test_other_images_are_refused_as_ones_that_are_nowhere(alice: Consumer):
    recorded = recordings("free-start")["registry-auth-wrong"]["response"]

    reply = alice.ask_for(**with_container(image="repo.test:5001/private/c2d-base", tag="latest"))

    assert reply.status_code == recorded["status"]
    assert reply.json().startswith(recorded["body"]["json"])
    assert "This local Ocean Node runs images named python" in reply.json()


def test_a_container_that_is_no_object_names_no_image(alice: Consumer):
    reply = alice.ask_for(algorithm={"meta": {"rawcode": "print(1)", "container": "python"}})

    assert reply.status_code == 500
    assert reply.json().startswith(f"Cannot find image undefined:latest for {platform.machine()}.")


def test_a_dockerfile_is_refused_for_free_jobs(alice: Consumer):
    reply = alice.ask_for(**with_container(dockerfile="FROM python:3.11"))

    assert (reply.status_code, reply.json()) == (500, "Building image is not allowed for free jobs")


def test_additional_docker_files_are_not_for_jobs_that_wait(alice: Consumer):
    container = {"dockerfile": "FROM python", "additionalDockerFiles": {"a": "b"}}

    reply = alice.ask_for(**with_container(**container), queueMaxWaitTime=60)

    assert (reply.status_code, reply.json()) == (
        500,
        "additionalDockerFiles cannot be used with queued jobs",
    )


@pytest.mark.parametrize("auth", [{"auth": "dTpw"}, {"username": "u", "password": "p"}])
def test_credentials_for_a_registry_are_taken_and_kept_nowhere(alice: Consumer, auth: dict[str, str]):
    _, job = alice.run("print(1)", encryptedDockerRegistryAuth=alice.encrypted(auth))

    (listed,) = (one for one in alice.direct("jobs").json() if one["jobId"] == job["jobId"])
    assert "encryptedDockerRegistryAuth" not in {**listed, **job}


def test_incomplete_credentials_are_refused(alice: Consumer):
    recorded = recordings("free-start")["registry-auth-incomplete"]["response"]

    reply = alice.ask_for(encryptedDockerRegistryAuth=alice.encrypted({"username": "u"}))

    assert (reply.status_code, reply.json()) == (recorded["status"], recorded["body"]["json"])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("text", "failed to parse JSON - Unexpected token 'e', \"text\" is not valid JSON"),
        ("[]", "Expected object, received array"),
        ('{"auth": 5}', "Expected string, received number"),
    ],
)
def test_credentials_of_another_kind_are_refused(alice: Consumer, content: str, reason: str):
    reply = alice.ask_for(encryptedDockerRegistryAuth=alice.encrypted(content))

    prefix = "Invalid encryptedDockerRegistryAuth :Invalid encryptedDockerRegistryAuth: "
    assert (reply.status_code, reply.json()) == (400, prefix + reason)


def test_credentials_with_0x_in_front_are_refused(alice: Consumer):
    reply = alice.ask_for(encryptedDockerRegistryAuth="0x" + alice.encrypted({"auth": "x"}))

    assert reply.status_code == 400
    assert reply.json().endswith("failed to parse JSON - second arg must be public key")
