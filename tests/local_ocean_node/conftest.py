# SPDX-License-Identifier: Apache-2.0
"""One fast node for all tests that need no settings of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.local_ocean_node.file_server import running_file_server
from tests.local_ocean_node.running import Consumer, consumer, fast, running_ocean_node


@pytest.fixture(scope="session")
def node_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("ocean-node")


@pytest.fixture(scope="session")
def node_url(node_folder: Path) -> Iterator[str]:
    with running_ocean_node(fast(node_folder)) as url:
        yield url


@pytest.fixture
def alice(node_url: str) -> Consumer:
    return consumer(node_url, 1)


@pytest.fixture
def bob(node_url: str) -> Consumer:
    return consumer(node_url, 2)


@pytest.fixture(scope="session")
def file_server() -> Iterator[str]:
    with running_file_server() as url:
        yield url
