# SPDX-License-Identifier: Apache-2.0
"""`deflow up` with Airflow, as a user has it: what it prints, that the login works, that it ends."""

from __future__ import annotations

import re
import signal
import subprocess
import sys

import psutil
import pytest
import requests

from airflow_provider_deflow.stack import marks
from airflow_provider_deflow.stack.home import read_stack
from tests import services

pytestmark = [pytest.mark.stack, pytest.mark.timeout(300)]

UP = [sys.executable, "-c", "from airflow_provider_deflow.cli import main; main()", "up"]
PARTS = {"mongod", "anvil", "ocean-node", "api-server", "scheduler", "dag-processor", "triggerer"}


def test_up_shows_where_to_log_in_refuses_a_second_and_ends_in_order(home):
    services.keep_ports(home)
    with subprocess.Popen([*UP, "--home", str(home)], stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        printed = ""
        for line in up.stdout:
            printed += line
            if line.startswith("Ctrl-C"):
                break
        try:
            assert set(re.findall(r"^  (\S+) +ready after", printed, re.MULTILINE)) == PARTS
            url, username, password = re.search(
                r"Airflow +(\S+)\n +login +(\w+), password (\S+)", printed
            ).groups()
            login = requests.post(
                f"{url}/auth/token", json={"username": username, "password": password}, timeout=10
            )
            assert login.status_code == 201, login.text
            token = login.json()["access_token"]
            health = requests.get(f"{url}/api/v2/monitor/health", timeout=10).json()
            assert {part["status"] for part in health.values()} == {"healthy"}
            errors = requests.get(
                f"{url}/api/v2/importErrors", headers={"Authorization": f"Bearer {token}"}, timeout=10
            ).json()
            assert errors["total_entries"] == 0
            second = subprocess.run(
                [*UP, "--home", str(home)], capture_output=True, text=True, check=False, timeout=60
            )
            assert second.returncode == 1
            assert f"is already up: {url}" in second.stderr
            processes = marks.find(home)
        finally:
            up.send_signal(signal.SIGTERM)
        assert up.wait(60) == 0
    # Processes that have ended and whose parents have too are taken away by init, in its own time.
    assert not psutil.wait_procs(processes, timeout=10)[1]
    assert read_stack(home) is None
