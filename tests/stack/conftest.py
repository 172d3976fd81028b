# SPDX-License-Identifier: Apache-2.0
"""A home folder per test, and stacks whose Ocean Node runs elsewhere, so that only MongoDB is started."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from airflow_provider_deflow import stack
from airflow_provider_deflow.stack import marks

# Nothing is asked of it.
ELSEWHERE = "http://127.0.0.1:9"

Start = Callable[[], AbstractContextManager[stack.Running]]


@pytest.fixture(autouse=True)
def no_mongodb_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MONGO_URI", raising=False)


@pytest.fixture
def home(tmp_path: Path):
    yield tmp_path / ".deflow"
    assert marks.end(tmp_path / ".deflow") == 0, "the test left processes running"


@pytest.fixture
def start(home: Path) -> Start:
    return lambda: stack.running(home, ocean_node_url=ELSEWHERE, with_airflow=False)
