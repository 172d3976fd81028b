# SPDX-License-Identifier: Apache-2.0
"""Everything DeFlow needs, running on this machine for as long as a `with` block lasts.

    with stack.running(Path(".deflow"), report=print) as up:
        requests.get(up.airflow_url + "/api/v2/version")

MongoDB, a chain, an Ocean Node and Airflow, each its own process, started as far in parallel as their
needs allow, kept running, and ended together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from airflow_provider_deflow.stack import airflow_parts, anvil, base_parts, mongod, ports
from airflow_provider_deflow.stack.base_parts import DEVELOPMENT_KEY
from airflow_provider_deflow.stack.development_chain import DevelopmentChain
from airflow_provider_deflow.stack.handles import Running, kept_up, silent
from airflow_provider_deflow.stack.home import Home
from airflow_provider_deflow.stack.supervision import Part, Supervisor

__all__ = ["DEVELOPMENT_KEY", "Running", "running"]


@contextmanager
def running(
    home: Path,
    *,
    ocean_node_url: str | None = None,
    wallet_key: str | None = None,
    with_airflow: bool = True,
    with_chain: bool = False,
    port: int | None = None,
    dags: Path | None = None,
    environment: Mapping[str, str] | None = None,
    report: Callable[[str], None] = silent,
) -> Iterator[Running]:
    """Start everything, hand it over when all parts are healthy, end everything.

    `ocean_node_url` and `wallet_key` replace the local Ocean Node and its development account; `port`
    is Airflow's; `dags` a folder of Dag files for it; `environment` is added to what its processes get.
    `with_chain` needs anvil: where that is missing, it is reported, and all else goes on.
    """
    folder = Home.at(home)

    def plan() -> Running:
        chained = with_chain and anvil.is_there(report)
        return _plan(folder, ocean_node_url, wallet_key, with_airflow, chained, port, dags, environment or {})

    with kept_up(folder, plan, report) as up:
        yield up


def _plan(
    home: Home,
    ocean_node_url: str | None,
    wallet_key: str | None,
    with_airflow: bool,
    with_chain: bool,
    port: int | None,
    dags: Path | None,
    more: Mapping[str, str],
) -> Running:
    """Choose ports, write settings, and name every part; nothing runs yet."""
    own_mongo_uri = os.environ.get("MONGO_URI")
    needed = {
        "mongod": not own_mongo_uri,
        anvil.NAME: with_chain,
        "ocean-node": not ocean_node_url,
        "airflow": with_airflow,
    }
    names = tuple(name for name, is_needed in needed.items() if is_needed)
    at = ports.choose(home, names, {"airflow": port} if port and with_airflow else {})
    parts: list[Part] = []
    if own_mongo_uri:
        mongod.check_answers(own_mongo_uri)
    else:
        parts.append(base_parts.mongod_part(home, at["mongod"]))
    chain = DevelopmentChain.of(home, at[anvil.NAME]) if with_chain else None
    if chain:
        node_names = () if ocean_node_url else ("ocean-node",)
        parts.append(base_parts.anvil_part(home, at[anvil.NAME], chain, node_names, wallet_key))
    if not ocean_node_url:
        parts.append(base_parts.ocean_node_part(home, at["ocean-node"], chain=chain))
    mongo_uri = own_mongo_uri or mongod.uri(at["mongod"])
    node_url = ocean_node_url or f"http://{ports.LOOPBACK}:{at['ocean-node']}"
    connect = base_parts.ocean_node_elsewhere if ocean_node_url else base_parts.local_ocean_node
    settings = {
        "AIRFLOW_HOME": str(home.airflow),
        **base_parts.connections(
            home, mongo_uri, {"ocean_node_default": connect(node_url)}, wallet_key, chain
        ),
        **more,
    }
    airflow_url = f"http://{ports.LOOPBACK}:{at['airflow']}" if with_airflow else ""
    if with_airflow:
        airflow_parts.write_settings(home, at["airflow"], dags)
        parts += airflow_parts.parts(
            at["airflow"],
            airflow_parts.environment(home, settings),
            api_server=airflow_parts.api_server_settings(home),
        )
    return Running(
        home=home.root,
        airflow_url=airflow_url,
        mongo_uri=mongo_uri,
        ocean_node_url=node_url,
        storage=f"file://{home.storage}",
        username=airflow_parts.USERNAME,
        password=airflow_parts.password(home),
        airflow_home=home.airflow,
        environment=settings,
        _supervisor=Supervisor(home, tuple(parts)),
        chain=chain,
    )
