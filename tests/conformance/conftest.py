# SPDX-License-Identifier: Apache-2.0
"""Which node is tested, what it has, and the jobs that many tests look at.

With `--ocean-node-url` it is a node that runs already; else a local one is started, fast and without a
request limit. What a node lacks is skipped by name. Jobs are started once per session and one after the
other: a real one takes eleven seconds and more, and several at once can wedge an engine for good (trap 23).
"""

from __future__ import annotations

import ipaddress
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conformance import local_nodes, programs
from tests.conformance.files import Files, serving_files
from tests.conformance.session import Account, Node, Record, Run, account
from tests.conformance.stories import (
    MOST_FILLERS,
    Queued,
    Stopped,
    stop_a_job,
    wait_in_the_queue,
)
from tests.local_ocean_node.running import KEYS, fast, running_ocean_node

# A run of a slow job may have to wait for the request limit several times.
TIMEOUT_SECONDS = 900


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT_SECONDS))


def _is_this_machine(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@pytest.fixture(scope="session")
def given_url(request: pytest.FixtureRequest) -> str | None:
    """The URL of the node to test, or None for a local one."""
    url: str | None = request.config.getoption("--ocean-node-url")
    return url


@pytest.fixture(scope="session")
def node(given_url: str | None, request: pytest.FixtureRequest) -> Iterator[Node]:
    image = request.config.getoption("--image") or "python:3.11-slim"
    if given_url:
        yield Node(given_url, image, poll_seconds=1)
        return
    folder = request.getfixturevalue("tmp_path_factory").mktemp("ocean-node")
    settings = local_nodes.recorded(folder, request.getfixturevalue("one_chain"))
    with running_ocean_node(settings) as url:
        yield Node(url, image, poll_seconds=0.02)


@pytest.fixture(scope="session")
def own_node(
    given_url: str | None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Node]]:
    """Starts local nodes with other settings than the tested one; a given node has those it has."""
    if given_url:
        pytest.skip("needs a node with settings of its own; runs on local Ocean Nodes only")
    with ExitStack() as stack:

        def start(**settings: Any) -> Node:
            folder = tmp_path_factory.mktemp("own-node")
            url = stack.enter_context(running_ocean_node(fast(folder, **settings)))
            return Node(url, "python:3.11-slim", poll_seconds=0.02)

        yield start


@pytest.fixture(scope="session")
def environment(node: Node, key: str) -> Record:
    """One with free jobs for our account."""
    address = account(node, key).address
    for found in node.environments():
        access = (found.get("free") or {}).get("access")
        if (
            access
            and not access["accessLists"]
            and (not access["addresses"] or address in access["addresses"])
        ):
            return found
    pytest.skip(f"no free environment for {address} on this node")


@pytest.fixture(scope="session")
def key(node: Node) -> str:
    """Of the account that starts jobs; nobody else's jobs are touched."""
    if given := os.environ.get("DEFLOW_TEST_WALLET_KEY"):
        return given
    if not _is_this_machine(node.url):
        pytest.skip("no DEFLOW_TEST_WALLET_KEY: the public test key is used on this machine's nodes only")
    return KEYS[0]


@pytest.fixture(scope="session")
def alice(node: Node, key: str, environment: Record) -> Account:
    return account(node, key, environment["id"])


@pytest.fixture
def stranger(node: Node, environment: Record) -> Account:
    """An account that the node has never seen."""
    return account(node, "0x" + secrets.token_hex(32), environment["id"])


@pytest.fixture(scope="session")
def viewer(node: Node, environment: Record) -> Account:
    """Whom the finished job lets read its results."""
    return account(node, "0x" + secrets.token_hex(32), environment["id"])


@pytest.fixture(scope="session")
def files(node: Node) -> Iterator[Files]:
    if not _is_this_machine(node.url):
        pytest.skip("the node is on another machine: it cannot fetch files from this one")
    with serving_files() as serving:
        yield serving


@pytest.fixture(scope="session")
def buckets(node: Node, alice: Account) -> None:
    reply = alice.files_call("GET", "", "GetBuckets", params={"owner": alice.address})
    if reply.status_code != 200:
        pytest.skip(f"no buckets on this node: {reply.text}")


@pytest.fixture(scope="session")
def has_index(node: Node) -> bool:
    """Whether the node keeps a data base of assets."""
    return node.get("/api/aquarius/state/ddo", did="did:op:" + "0" * 64).status_code != 503


@pytest.fixture(scope="session")
def index(has_index: bool) -> None:
    if not has_index:
        pytest.skip("no index of assets on this node")


@pytest.fixture(scope="session")
def unindexed(node: Node, has_index: bool, given_url: str | None, request: pytest.FixtureRequest) -> Node:
    """A node without an index: this one, or a local one that has no chain."""
    if not has_index:
        return node
    if given_url:
        pytest.skip("this node has an index of assets")
    own: Node = request.getfixturevalue("own_node")()
    return own


@pytest.fixture(scope="session")
def measured(node: Node, given_url: str | None) -> int:
    """After so many seconds of running a container's disk use has been measured."""
    return 6 if given_url else 1


@pytest.fixture(scope="session")
def finished(alice: Account, viewer: Account) -> Run:
    """Exit code 0, with one of everything in its outputs, and all that a start can say about it."""
    algorithm = {
        "meta": {"rawcode": programs.LEAVES_EVERYTHING, "container": alice.node.container()},
        "envs": {"GREETING": "hello", "COUNT": 3, "EMPTY": "", "OBJECT": {"a": 1}, "JSON": '{"a": [1]}'},
        "algocustomdata": {"threshold": 0.5, "names": ["a", "b"]},
    }
    return alice.run(
        "",
        algorithm=algorithm,
        metadata={"token": secrets.token_hex(8)},
        additionalViewers=[viewer.address],
        resources=[{"id": "gpu", "amount": 1}],
    )


@pytest.fixture(scope="session")
def failed(alice: Account) -> Run:
    """Exit code 3, with an output."""
    return alice.run(programs.EXITS_WITH_3)


@pytest.fixture(scope="session")
def silent(alice: Account) -> Run:
    """Exit code 0 and no output; its log is bytes."""
    return alice.run(programs.WRITES_BYTES)


@pytest.fixture(scope="session")
def timed_out(alice: Account) -> Run:
    return alice.run(programs.WRITES_EARLY_AND_SLEEPS, maxJobDuration=5)


@pytest.fixture(scope="session")
def not_started(alice: Account) -> Run:
    """Its entry point does not exist."""
    container = alice.node.container("/no/such/program $ALGO")
    return alice.run("", algorithm={"meta": {"rawcode": "print(1)", "container": container}})


@pytest.fixture(scope="session")
def without_data(alice: Account) -> Run:
    """Its dataset is an encrypted file object, which a node does not open (trap 17)."""
    return alice.run("print(1)", datasets=[{"fileObject": "0x04" + "ab" * 120}])


@pytest.fixture(scope="session")
def stopped(alice: Account, node: Node, environment: Record, given_url: str | None) -> Stopped:
    other = account(node, "0x" + secrets.token_hex(32), environment["id"])
    return stop_a_job(alice, other, seconds_between_lines=1 if given_url else 0.1)


@pytest.fixture(scope="session")
def queued(alice: Account, environment: Record, given_url: str | None) -> Queued:
    (most,) = (entry["max"] for entry in environment["free"]["resources"] if entry["id"] == "cpu")
    story = wait_in_the_queue(alice, most, expiry_seconds=3 if given_url else 0.3)
    if story is None:
        pytest.skip(f"{MOST_FILLERS} jobs do not fill the environment of this node")
    return story
