# SPDX-License-Identifier: Apache-2.0
"""What Airflow's tasks talk to, as parts of a stack: MongoDB, a chain, Ocean Nodes; and connections."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping

import requests

from airflow_provider_deflow.signing import KeySigner
from airflow_provider_deflow.stack import anvil, development_chain, mongod, ports
from airflow_provider_deflow.stack.development_chain import DevelopmentChain
from airflow_provider_deflow.stack.home import Home
from airflow_provider_deflow.stack.supervision import Part

# Public, and worth nothing.
DEVELOPMENT_KEY = development_chain.CONSUMER_KEY
# A real Ocean Node's own limit is 30; a laptop's is its owner's alone.
REQUESTS_PER_MINUTE = 600
# In whole fee tokens per unit and started minute, in an environment beside the free one.
PRICES = {"cpu": 0.1, "ram": 0.01}
# Real nodes claim once an hour, and look for new blocks every 30 s.
CLAIM_SECONDS = 5.0
INDEX_SECONDS = 0.5


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


def anvil_part(
    home: Home,
    port: int,
    chain: DevelopmentChain,
    ocean_nodes: tuple[str, ...],
    wallet_key: str | None = None,
) -> Part:
    """The chain, with all that these local Ocean Nodes and the wallets need there, one's own among them."""
    folders = tuple(home.root / name for name in ocean_nodes)
    wallet = KeySigner(wallet_key).address if wallet_key else None
    return Part(
        name=anvil.NAME,
        group="base",
        command=anvil.command(home, port, chain.chain_id),
        environment=environment(),
        is_ready=lambda since: chain.is_ready(folders, wallet),
        port=port,
    )


def ocean_node_part(
    home: Home,
    port: int,
    name: str = "ocean-node",
    requests_per_minute: int = REQUESTS_PER_MINUTE,
    chain: DevelopmentChain | None = None,
) -> Part:
    """A local Ocean Node with its data in a folder of its name; on a chain it starts after that."""
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
        command=(sys.executable, "-c", run, *options, *(_on_chain(chain) if chain else ()), "--log-requests"),
        environment=environment(),
        is_ready=lambda since: _answers(f"http://{ports.LOOPBACK}:{port}/"),
        port=port,
        after=anvil.NAME if chain else None,
    )


def _on_chain(chain: DevelopmentChain) -> tuple[str, ...]:
    settings = {
        "--rpc-url": chain.rpc_url,
        "--chain-id": chain.chain_id,
        "--address-file": chain.address_file,
        "--claim-seconds": CLAIM_SECONDS,
        "--index-seconds": INDEX_SECONDS,
    }
    prices = (word for resource, price in PRICES.items() for word in ("--price", f"{resource}={price}"))
    return (*(str(word) for option in settings.items() for word in option), *prices)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def connections(
    home: Home,
    mongo_uri: str,
    ocean_nodes: Mapping[str, str],
    wallet_key: str | None,
    chain: DevelopmentChain | None = None,
) -> dict[str, str]:
    """Storage and connections as Airflow reads them from the environment; `ocean_nodes` by connection id."""
    wallets = {"default": wallet_key or DEVELOPMENT_KEY}
    if chain:
        wallets["publisher"] = development_chain.PUBLISHER_KEY
    return {
        "AIRFLOW__DEFLOW__STORAGE": f"file://{home.storage}",
        "AIRFLOW_CONN_DEFLOW_MONGO": mongod.airflow_connection(mongo_uri),
        **{f"AIRFLOW_CONN_{conn_id.upper()}": connection for conn_id, connection in ocean_nodes.items()},
        **{
            f"AIRFLOW_CONN_OCEAN_WALLET_{name.upper()}": _wallet(key, chain, ocean_nodes.values())
            for name, key in wallets.items()
        },
    }


def _wallet(key: str, chain: DevelopmentChain | None, ocean_nodes: Iterable[str]) -> str:
    connection: dict[str, object] = {"conn_type": "ocean_wallet", "password": key}
    if chain:
        # A wallet pays only where its owner says so: on those that it is started with.
        trusted = [json.loads(one)["host"] for one in ocean_nodes]
        connection["extra"] = {**chain.in_connection, "ocean_nodes": trusted}
    return json.dumps(connection)


def local_ocean_node(url: str, requests_per_minute: int = REQUESTS_PER_MINUTE) -> str:
    """The connection to one of this machine, as the value of an AIRFLOW_CONN_ variable."""
    # Two triggerers that look so often take a fifth of a real node's 30 each.
    extra = {
        "requests_per_minute": requests_per_minute,
        "poll_interval_seconds": max(1, 300 // requests_per_minute),
        # It pulls none: `python` is its own interpreter, and all others are refused.
        "check_images": False,
    }
    return json.dumps({"conn_type": "ocean_node", "host": url, "extra": extra})


def ocean_node_elsewhere(url: str) -> str:
    """A real Ocean Node keeps the limits that its own connection has by default."""
    return json.dumps({"conn_type": "ocean_node", "host": url, "extra": {}})
