# SPDX-License-Identifier: Apache-2.0
"""What a registry says of an image, asked over real HTTP."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from airflow_provider_deflow.http import Targets
from airflow_provider_deflow.ocean.image_registry import Answer, ImageName, look_up
from tests import image_registry
from tests.image_registry import Registry

HERE = Targets.of(["127.0.0.1"])
DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture
def registry() -> Iterator[Registry]:
    with image_registry.running() as one:
        yield one


def asked(registry: Registry, tag: str = "1", seconds: float = 5.0) -> Answer:
    name = ImageName.of(f"{registry.host}/my/image", tag)
    assert name
    return look_up(name, HERE, seconds)


@pytest.mark.parametrize(
    ("image", "version", "url"),
    [
        ("python", "3.12", "https://registry-1.docker.io/v2/library/python/"),
        ("docker.io/library/python", "3.12", "https://registry-1.docker.io/v2/library/python/"),
        ("oceanprotocol/algo", "latest", "https://registry-1.docker.io/v2/oceanprotocol/algo/"),
        ("ghcr.io/a/b/c", "1", "https://ghcr.io/v2/a/b/c/"),
        ("registry.example:5000/a", DIGEST, "https://registry.example:5000/v2/a/"),
        ("localhost:5000/a", "1", "http://localhost:5000/v2/a/"),
        ("localhost/a", "1", "http://localhost/v2/a/"),
    ],
)
def test_an_image_is_where_docker_would_look_for_it(image: str, version: str, url: str) -> None:
    found = ImageName.of(image, version)

    assert found
    assert found.url == url


@pytest.mark.parametrize(
    ("image", "version"), [("", "1"), ("a b", "1"), ("a/../b", "1"), ("python", "?x=1"), ("UPPER", "1")]
)
def test_what_is_no_image_is_asked_of_nobody(image: str, version: str) -> None:
    assert ImageName.of(image, version) is None


@pytest.mark.parametrize("gives_tokens", [False, True])
def test_an_image_is_there_for_the_platforms_of_its_list(registry: Registry, gives_tokens: bool) -> None:
    registry.gives_tokens = gives_tokens
    registry.add("my/image", "1", "linux/amd64", "linux/arm64")

    assert asked(registry) == Answer("there", ("linux/amd64", "linux/arm64"))
    assert ("/token" in registry.asked) == gives_tokens


def test_an_image_without_a_list_is_for_the_platform_of_its_configuration(registry: Registry) -> None:
    registry.gives_tokens = True
    registry.add_single("my/image", "1", "linux/arm64")

    assert asked(registry) == Answer("there", ("linux/arm64",))
    assert registry.asked.count("/token") == 1


def test_a_registry_that_does_not_have_it_says_so_in_its_own_words(registry: Registry) -> None:
    registry.gives_tokens = True

    assert asked(registry) == Answer("missing", words="MANIFEST_UNKNOWN: manifest unknown")


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (404, {}, "it answered 404"),
        (401, {"errors": [{"code": "UNAUTHORIZED"}]}, "it wants a login (UNAUTHORIZED)"),
        (403, {"errors": [{"code": "DENIED", "message": "no"}]}, "it wants a login (DENIED: no)"),
        (429, {"errors": [{"code": "TOOMANYREQUESTS"}]}, "it was asked too often (TOOMANYREQUESTS)"),
        (500, {"errors": "odd"}, "it answered 500"),
    ],
)
def test_any_other_answer_says_nothing_of_the_image(
    registry: Registry, status: int, body: dict[str, object], why: str
) -> None:
    registry.refusal = (status, body)

    assert asked(registry) == Answer("unknown", words=why)


def test_a_silent_registry_takes_no_longer_than_it_is_given(registry: Registry) -> None:
    registry.is_silent = True
    began = time.monotonic()

    assert asked(registry, seconds=0.3) == Answer("unknown", words="no answer in time")
    assert time.monotonic() - began < 3


def test_a_registry_that_is_away_says_nothing_of_the_image() -> None:
    with image_registry.running() as gone:
        pass

    assert asked(gone) == Answer("unknown", words="the connection was refused")


def test_a_registry_within_our_network_is_asked_only_where_it_is_allowed(registry: Registry) -> None:
    name = ImageName.of(f"{registry.host}/my/image", "1")
    assert name

    answer = look_up(name, Targets())

    assert answer.state == "unknown"
    assert "its address 127.0.0.1 is this machine itself" in answer.words
    assert registry.asked == []
