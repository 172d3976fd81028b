# SPDX-License-Identifier: Apache-2.0
"""A real Airflow API server with one user per role, and nothing else of Airflow: SQLite, no scheduler."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from airflow_provider_deflow.stack import airflow_parts, base_parts, development_chain, ports
from airflow_provider_deflow.stack.home import Home
from tests.api.people import NAMES, OUTSIDER, ROLES, USERS, Asking

START_SECONDS = 180
# Nothing listens there.
OCEAN_NODE_AWAY = "http://127.0.0.1:9"
# It names a chain, which nothing here asks.
WALLET_ON_SEPOLIA = {
    "conn_type": "ocean_wallet",
    "password": development_chain.PUBLISHER_KEY,
    "extra": {"rpc_url": f"{OCEAN_NODE_AWAY}/canary-rpc", "chain_id": 11155111},
}


@dataclass(frozen=True, slots=True)
class Server:
    """It serves the API with the plugin, as Airflow mounts it."""

    url: str
    home: Home
    environment: dict[str, str]
    client: httpx.Client
    tokens: dict[str, str]

    def ask(self, role: str) -> Asking:
        """The API as a user of that role; of "" as nobody."""
        return Asking(self.client, self.tokens.get(role))

    def read_dags(self) -> None:
        """As the Dag processor does all the time: bring published graphs to Airflow's database."""
        command = [sys.executable, "-m", "airflow", "dags", "reserialize", "--bundle-name", "deflow"]
        subprocess.run(command, env=self.environment, check=True, capture_output=True, timeout=120)


@contextmanager
def running(folder: Path, mongo_uri: str) -> Iterator[Server]:
    """Until the block ends."""
    home = Home.at(folder)
    # Not the one that a stack would take: two that start at the same moment would both choose it, and the
    # other's server would answer in the place of this one.
    port = next(filter(ports.is_free, random.sample(range(20_000, 32_000), 100)))
    airflow_parts.write_settings(home, port, None)
    passwords = {NAMES[role]: f"password-of-{role}" for role in ROLES} | {OUTSIDER: "password-of-nobody"}
    (home.airflow / "of_tests.json").write_text(json.dumps(passwords))
    settings = {
        **base_parts.connections(
            home, mongo_uri, {"ocean_node_default": base_parts.local_ocean_node(OCEAN_NODE_AWAY)}, None
        ),
        "AIRFLOW_CONN_OCEAN_WALLET_ON_SEPOLIA": json.dumps(WALLET_ON_SEPOLIA),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": USERS,
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(home.airflow / "of_tests.json"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    environment = airflow_parts.environment(home, settings)
    airflow_parts.migrate(home, environment)
    url = f"http://localhost:{port}"
    with home.log("api-server").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "airflow", "api-server"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Of a database that somebody else writes a test wants to hear soon.
            env=environment
            | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home.airflow / 'airflow.db'}?timeout=3"},
            start_new_session=True,
        )
    try:
        _wait(url, process, home)
        with httpx.Client(base_url=url, timeout=60) as client:
            tokens = {role: _log_in(client, NAMES[role], f"password-of-{role}") for role in ROLES}
            tokens[OUTSIDER] = _log_in(client, OUTSIDER, "password-of-nobody")
            yield Server(url, home, environment, client, tokens)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], home: Home) -> None:
    give_up_at = time.monotonic() + START_SECONDS
    while not airflow_parts.is_healthy(url, "api-server", 0):
        if process.poll() is not None or time.monotonic() > give_up_at:
            raise AssertionError(home.log("api-server").read_text()[-4000:])
        time.sleep(0.5)


def _log_in(client: httpx.Client, name: str, password: str) -> str:
    reply = client.post("/auth/token", json={"username": name, "password": password})
    reply.raise_for_status()
    return str(reply.json()["access_token"])
