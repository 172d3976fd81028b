# SPDX-License-Identifier: Apache-2.0
"""A local Ocean Node that tasks reach through a proxy, by Airflow's connections."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_deflow.operators import compute
from tests import proxy
from tests.local_ocean_node.running import KEYS, fast, running_ocean_node


@pytest.fixture(autouse=True)
def deferring_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no Airflow is: nobody waits here for seconds before a task is handed to the triggerer."""
    monkeypatch.setattr(compute, "DEFERRAL_SECONDS", 0.0)


@pytest.fixture
def between(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[proxy.Proxy]:
    monkeypatch.setenv("AIRFLOW_HOME", str(tmp_path / "airflow"))
    with running_ocean_node(fast(tmp_path / "node", test_routes=True)) as url, proxy.between(url) as passing:
        extra = {"requests_per_minute": 100_000, "poll_interval_seconds": 0.3}
        node = {"conn_type": "ocean_node", "host": passing.url, "extra": extra}
        monkeypatch.setenv("AIRFLOW_CONN_OCEAN_NODE_DEFAULT", json.dumps(node))
        wallet = {"conn_type": "ocean_wallet", "password": KEYS[0]}
        monkeypatch.setenv("AIRFLOW_CONN_OCEAN_WALLET_DEFAULT", json.dumps(wallet))
        yield passing
