# SPDX-License-Identifier: Apache-2.0
"""`deflow demo` as a person types it: the example runs, with one node paid and one edge a published asset."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_provider_deflow.cli.context import WALLET_KEY_VARIABLE
from airflow_provider_deflow.stack import marks
from tests import services

pytestmark = [pytest.mark.stack, pytest.mark.e2e, pytest.mark.chain, pytest.mark.timeout(600)]


def test_the_demo_says_what_it_cost_and_the_chain_agrees(tmp_path: Path) -> None:
    home, out = tmp_path / "home", tmp_path / "demo"
    services.keep_ports(home)
    command = [sys.executable, "-m", "airflow_provider_deflow.cli", "demo", "--home", home, "--out", out]
    settings = {name: value for name, value in os.environ.items() if name != WALLET_KEY_VARIABLE}

    done = subprocess.run(command, env=settings, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    record = json.loads((out / "run.json").read_text())
    assert (record["state"], record["faults"]) == ("success", [])
    cost = record["cost"]
    paid = {one["task_id"]: one for one in cost["payments"]}
    assert int(paid["predict"]["claimed"]) > 0
    assert int(paid["predict"]["claimed"]) + int(paid["predict"]["refunded"]) == int(
        paid["predict"]["locked"]
    )
    assert (cost["locks"], cost["differences"]) == (1, [])
    (asset,) = cost["assets"]
    assert f"{asset['edge']} was published as did:op:" in done.stdout
    assert int(asset["gas"]) > 0
    assert "1 lock(s) and 0 order(s) compared with the chain, 0 difference(s)" in done.stdout
    assert (out / "result.tar").stat().st_size > 0
    assert marks.find(home) == []
