# SPDX-License-Identifier: Apache-2.0
"""What Airflow's tasks talk to, as parts of a stack: MongoDB and Ocean Nodes, and the connections to them."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping

import requests

from airflow_provider_deflow.stack import mongod, ports
from airflow_provider_deflow.stack.home import Home
from airflow_provider_deflow.stack.supervision import Part

# Account 0 of the mnemonic that every local development chain uses: public, and worth nothing.
DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
# A real Ocean Node's own limit is 30; a laptop's is its owner's alone.
REQUESTS_PER_MINUTE = 600


def environment() -> dict[str, str]:
    """What these parts get: the caller's own, with bytecode kept."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def mongod_part(home: Home, port: int) -> Part:
    """A one-node replica set."""
    return Part(
        name="mongod",
        group="base",
        command=mongod.command(home, port),
        environment=environment(),
        is_ready=lambda since: mongod.is_primary(port),
        port=port,
    )


def ocean_node_part(
    home: Home, port: int, name: str = "ocean-node", requests_per_minute: int = REQUESTS_PER_MINUTE
) -> Part:
    """A local Ocean Node with its data in a folder of its name."""
    run = "from airflow_provider_deflow.cli.ocean_node import ocean_node; ocean_node()"
    settings = {
        "--port": port,
        "--folder": home.root / name,
        "--requests-per-minute": requests_per_minute,
        "--tick-seconds": 0.1,
    }
    options = tuple(str(word) for option in settings.items() for word in option)
    return Part(
        name=name,
        group="base",
        command=(sys.executable, "-c", run, *options, "--log-requests"),
        environment=environment(),
        is_ready=lambda since: _answers(f"http://{ports.LOOPBACK}:{port}/"),
        port=port,
    )


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def connections(
    home: Home, mongo_uri: str, ocean_nodes: Mapping[str, str], wallet_key: str | None
) -> dict[str, str]:
    """Storage and connections as Airflow reads them from the environment; `ocean_nodes` by connection id."""
    wallet = {"conn_type": "ocean_wallet", "password": wallet_key or DEVELOPMENT_KEY}
    return {
        "AIRFLOW__DEFLOW__STORAGE": f"file://{home.storage}",
        "AIRFLOW_CONN_DEFLOW_MONGO": mongod.airflow_connection(mongo_uri),
        **{f"AIRFLOW_CONN_{conn_id.upper()}": connection for conn_id, connection in ocean_nodes.items()},
        "AIRFLOW_CONN_OCEAN_WALLET_DEFAULT": json.dumps(wallet),
    }


def local_ocean_node(url: str, requests_per_minute: int = REQUESTS_PER_MINUTE) -> str:
    """The connection to one of this machine, as the value of an AIRFLOW_CONN_ variable."""
    # Two triggerers that look so often take a fifth of a real node's 30 each.
    pace = {
        "requests_per_minute": requests_per_minute,
        "poll_interval_seconds": max(1, 300 // requests_per_minute),
    }
    return json.dumps({"conn_type": "ocean_node", "host": url, "extra": pace})


def ocean_node_elsewhere(url: str) -> str:
    """A real Ocean Node keeps the limits that its own connection has by default."""
    return json.dumps({"conn_type": "ocean_node", "host": url, "extra": {}})
