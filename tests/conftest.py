# SPDX-License-Identifier: Apache-2.0
"""What all tests share: a real MongoDB (one server, one database per test), a real chain, and patience."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
import pytest
from hypothesis import HealthCheck, settings
from pymongo.database import Database

# web3 comes in by this door, which keeps the recursion limit as it is; some tests import it themselves.
import airflow_provider_deflow.chain  # noqa: F401
from airflow_provider_deflow.stack import ports
from tests import services
from tests.processes import STACKS, ByWhatIsShared, group_of, turn_of

E2E = Path(__file__).parent / "e2e"
STACKS_OF_THEIR_OWN = ("test_cluster.py", "test_demo.py")
# The machine may be busy with other tests; how long one example takes says nothing.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_addoption(parser: pytest.Parser) -> None:
    """For tests/conformance; without a URL it starts the local Ocean Node."""
    group = parser.getgroup("conformance", "which Ocean Node tests/conformance talks to")
    group.addoption("--ocean-node-url", help="URL of a running Ocean Node; default: a local one of its own")
    group.addoption("--image", help="image with Python for the jobs there (default: python:3.11-slim)")
    group.addoption("--rpc-url", help="JSON-RPC of the chain it takes payments on")
    group.addoption("--address-file", help="address.json with Ocean's contracts on that chain")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The whole stack last, since it takes longest: what is wrong elsewhere is known by then.

    Before it the cluster and the demo, which would be one stack too many beside it. Of several processes one
    begins with them, and the others with what takes longest after them.
    """
    is_one_of_several = hasattr(config, "workerinput")

    def place(item: pytest.Item) -> tuple[int, bool, bool]:
        is_stacked = group_of(item.nodeid) == STACKS
        turn = turn_of(item.nodeid) if is_one_of_several else int(is_stacked)
        return turn, E2E in item.path.parents, item.path.name not in STACKS_OF_THEIR_OWN

    items.sort(key=place)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByWhatIsShared:
    return ByWhatIsShared(config, log)


@pytest.fixture(scope="session", autouse=True)
def no_usual_ports() -> Iterator[None]:
    """Which another stack may choose at the same moment, of a developer or of other tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ports, "FIRST_CHOICE", {})
        yield


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MONGO_URI, else a server of our own for as long as the tests run."""
    if given := os.environ.get("MONGO_URI"):
        yield given
        return
    with services.mongod(tmp_path_factory.mktemp("mongod")) as server:
        yield server.uri


@pytest.fixture
def mongo_database(mongo_uri: str) -> Iterator[Database[dict[str, Any]]]:
    """An empty database, dropped afterwards."""
    with pymongo.MongoClient[dict[str, Any]](mongo_uri) as client:
        database = client[f"deflow_test_{uuid.uuid4().hex}"]
        yield database
        client.drop_database(database)


@pytest.fixture(scope="session")
def one_chain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[services.Chain]:
    """One development chain with Ocean's contracts for all tests; what one does there, the others see."""
    with services.chain(tmp_path_factory.mktemp("chain")) as one:
        yield one


@pytest.fixture(scope="module")
def chain(one_chain: services.Chain, tmp_path_factory: pytest.TempPathFactory) -> services.Chain:
    """The same, for who has no use for what other files of tests did there before."""
    return one_chain.from_here(tmp_path_factory.mktemp("chain"))


@pytest.fixture
def clock_kept(chain: services.Chain) -> Iterator[None]:
    """For a test that lets hours pass on the chain: afterwards its clock is everybody's again.

    Named by `usefixtures`, which is before all that the test starts there.
    """
    with chain.clock_kept():
        yield
