# SPDX-License-Identifier: Apache-2.0
"""What production looks like, as processes of one machine: the topology of docker-compose.yaml.

    with cluster.running(Path(".cluster"), report=print) as up:
        up.kill("worker-1")

PostgreSQL and Redis stand where a laptop has SQLite and nothing; tasks run on two workers of different
queues, waiting is spread over two triggerers. To Airflow each part is a host of its own, named like it.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from airflow_provider_deflow.errors import DeflowError
from airflow_provider_deflow.stack import (
    airflow_parts,
    anvil,
    base_parts,
    mongod,
    ports,
    postgresql,
    redis_server,
)
from airflow_provider_deflow.stack.airflow_api import AirflowApi
from airflow_provider_deflow.stack.development_chain import DevelopmentChain
from airflow_provider_deflow.stack.handles import Running, kept_up, silent
from airflow_provider_deflow.stack.home import Home
from airflow_provider_deflow.stack.supervision import Part, Supervisor

# Where a task without a queue of its own goes, and where one that needs much of a worker.
QUEUES = {"worker-1": "default", "worker-2": "heavy"}
TRIGGERERS = ("triggerer-1", "triggerer-2")
ONE_EACH = ("api-server", "scheduler", "dag-processor")
# docker-compose.yaml has the same, which a test holds.
SETTINGS = {
    "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
    "AIRFLOW__CORE__PARALLELISM": "64",
    "AIRFLOW__CELERY_BROKER_TRANSPORT_OPTIONS__VISIBILITY_TIMEOUT": "86400",
    "AIRFLOW__OPERATORS__DEFAULT_QUEUE": QUEUES["worker-1"],
}
# Of one machine that does it all; a worker in production takes more at a time.
_OF_ONE_MACHINE = {
    "AIRFLOW__CELERY__WORKER_CONCURRENCY": "2",
    "AIRFLOW__CORE__HOSTNAME_CALLABLE": "airflow_provider_deflow.stack.marks.part_name",
}
# Seven processes of Airflow start at a time, each of which imports for many seconds.
_READY_SECONDS = 600


@contextmanager
def running(
    home: Path,
    *,
    ocean_nodes: int = 1,
    requests_per_minute: int = base_parts.REQUESTS_PER_MINUTE,
    wallet_key: str | None = None,
    with_chain: bool = False,
    port: int | None = None,
    dags: Path | None = None,
    environment: Mapping[str, str] | None = None,
    report: Callable[[str], None] = silent,
) -> Iterator[Running]:
    """As `stack.running`; of several `ocean_nodes` the second has the connection `ocean_node_2` …"""
    folder = Home.at(home)

    def plan() -> Running:
        chained = with_chain and anvil.is_there(report)
        more = environment or {}
        return _plan(folder, ocean_nodes, requests_per_minute, wallet_key, chained, port, dags, more)

    with kept_up(folder, plan, report) as up:
        yield up


def _plan(
    home: Home,
    ocean_nodes: int,
    requests_per_minute: int,
    wallet_key: str | None,
    with_chain: bool,
    port: int | None,
    dags: Path | None,
    more: Mapping[str, str],
) -> Running:
    """Choose ports, write settings, and name every part; nothing runs yet."""
    own_mongo_uri = os.environ.get("MONGO_URI")
    node_names = ("ocean-node", *(f"ocean-node-{number}" for number in range(2, ocean_nodes + 1)))
    names = (
        postgresql.NAME,
        redis_server.NAME,
        *node_names,
        *((anvil.NAME,) if with_chain else ()),
        "airflow",
        *(() if own_mongo_uri else ("mongod",)),
    )
    at = ports.choose(home, names, {"airflow": port} if port else {})
    base = [_postgresql_part(home, at[postgresql.NAME]), _redis_part(home, at[redis_server.NAME])]
    if own_mongo_uri:
        mongod.check_answers(own_mongo_uri)
    else:
        base.append(base_parts.mongod_part(home, at["mongod"]))
    chain = DevelopmentChain.of(home, at[anvil.NAME]) if with_chain else None
    if chain:
        base.append(base_parts.anvil_part(home, at[anvil.NAME], chain, node_names, wallet_key))
    base += (
        base_parts.ocean_node_part(home, at[name], name, requests_per_minute, chain) for name in node_names
    )
    mongo_uri = own_mongo_uri or mongod.uri(at["mongod"])
    node_urls = tuple(f"http://{ports.LOOPBACK}:{at[name]}" for name in node_names)
    conn_ids = ("ocean_node_default", *(f"ocean_node_{number}" for number in range(2, ocean_nodes + 1)))
    nodes = {
        conn_id: base_parts.local_ocean_node(url, requests_per_minute)
        for conn_id, url in zip(conn_ids, node_urls, strict=True)
    }
    settings = _settings(home, at, base_parts.connections(home, mongo_uri, nodes, wallet_key, chain), more)
    airflow_parts.write_settings(home, at["airflow"], dags)
    airflow_url = f"http://{ports.LOOPBACK}:{at['airflow']}"
    processes = airflow_parts.environment(home, settings)
    parts = (
        *base,
        *airflow_parts.parts(at["airflow"], processes, ONE_EACH),
        *(_triggerer_part(name, processes, airflow_url, home) for name in TRIGGERERS),
        *(_worker_part(name, processes) for name in QUEUES),
    )
    return Running(
        home=home.root,
        airflow_url=airflow_url,
        mongo_uri=mongo_uri,
        ocean_node_url=node_urls[0],
        other_ocean_node_urls=node_urls[1:],
        storage=f"file://{home.storage}",
        username=airflow_parts.USERNAME,
        password=airflow_parts.password(home),
        airflow_home=home.airflow,
        environment=settings,
        _supervisor=Supervisor(home, tuple(replace(part, ready_seconds=_READY_SECONDS) for part in parts)),
        chain=chain,
    )


def _settings(
    home: Home, at: Mapping[str, int], connections: Mapping[str, str], more: Mapping[str, str]
) -> dict[str, str]:
    database = postgresql.address(home, at[postgresql.NAME])
    return {
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
        "AIRFLOW__CELERY__RESULT_BACKEND": f"db+postgresql+psycopg2://{database}",
        "AIRFLOW__CELERY__BROKER_URL": redis_server.url(home, at[redis_server.NAME]),
        **SETTINGS,
        **_OF_ONE_MACHINE,
        **connections,
        **more,
    }


def _postgresql_part(home: Home, port: int) -> Part:
    return Part(
        name=postgresql.NAME,
        group="base",
        command=postgresql.command(home, port),
        environment=base_parts.environment(),
        is_ready=lambda since: postgresql.is_ready(port),
        port=port,
    )


def _redis_part(home: Home, port: int) -> Part:
    return Part(
        name=redis_server.NAME,
        group="base",
        command=redis_server.command(home, port),
        environment=base_parts.environment(),
        is_ready=lambda since: redis_server.is_ready(home, port),
        port=port,
    )


def _triggerer_part(name: str, environment: Mapping[str, str], airflow_url: str, home: Home) -> Part:
    airflow = AirflowApi(airflow_url, airflow_parts.USERNAME, airflow_parts.password(home))

    def has_heartbeat(since: float) -> bool:
        """Of this one: Airflow's own health page shows only the liveliest of all."""
        try:
            heartbeat = airflow.newest_heartbeat("TriggererJob", name)
        except DeflowError:
            return False
        return heartbeat is not None and heartbeat.timestamp() >= since

    return Part(
        name=name,
        group="airflow",
        command=(sys.executable, "-m", "airflow", "triggerer", "--skip-serve-logs"),
        environment=environment,
        # Not asked before somebody answers: the API client would try again and hold up all others.
        is_ready=lambda since: (
            airflow_parts.is_healthy(airflow_url, "api-server", 0) and has_heartbeat(since)
        ),
    )


def worker_command(name: str) -> tuple[str, ...]:
    """What `airflow` is told to become this worker."""
    return ("celery", "worker", "--queues", QUEUES[name], "--celery-hostname", name)


def _worker_part(name: str, environment: Mapping[str, str]) -> Part:
    return Part(
        name=name,
        group="airflow",
        command=(sys.executable, "-m", "airflow", *worker_command(name), "--skip-serve-logs"),
        environment=environment,
        is_ready=lambda since: _answers(name, environment["AIRFLOW__CELERY__BROKER_URL"]),
        # It ends when the tasks that it runs have.
        stop_seconds=20,
    )


def _answers(worker: str, broker_url: str) -> bool:
    import celery
    import kombu
    import redis

    try:
        with celery.Celery(broker=broker_url) as asking:
            return bool(asking.control.ping(destination=[f"celery@{worker}"], timeout=2, limit=1))
    except (redis.RedisError, kombu.exceptions.KombuError):  # Redis itself is being started again
        return False
