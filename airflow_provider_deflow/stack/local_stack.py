# SPDX-License-Identifier: Apache-2.0
"""Everything DeFlow needs, running on this machine for as long as a `with` block lasts.

    with stack.running(Path(".deflow"), report=print) as up:
        requests.get(up.airflow_url + "/api/v2/version")

MongoDB, an Ocean Node and Airflow, each its own process, started as far in parallel as their needs
allow, kept running, and ended together.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import requests

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack import airflow_parts, marks, mongod, ports
from airflow_provider_deflow.stack.home import Home, write_private
from airflow_provider_deflow.stack.supervision import Part, Supervisor

# Account 0 of the mnemonic that every local development chain uses: public, and worth nothing.
DEVELOPMENT_KEY = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"


@dataclass(frozen=True, slots=True)
class Running:
    """A stack that is up; the URLs of Airflow are empty when it runs without."""

    home: Path
    airflow_url: str
    mongo_uri: str = field(repr=False)
    ocean_node_url: str
    storage: str
    username: str
    password: str = field(repr=False)
    airflow_home: Path
    environment: Mapping[str, str] = field(repr=False)
    """Settings and connections; on top of os.environ they make a command see this Airflow."""
    _supervisor: Supervisor = field(repr=False)

    @property
    def processes(self) -> dict[str, int]:
        """The process id of each part, 0 for one that does not run at this moment."""
        return {name: self._supervisor.info(name)["pid"] for name in self._supervisor.parts}

    def pid(self, part: str) -> int:
        """The main process of a part."""
        return self._supervisor.pid(part)

    def kill(self, part: str, number: int = signal.SIGKILL) -> int:
        """Send a signal to a part's main process and wait until it ended; it is started again by itself."""
        return self._supervisor.kill(part, number)

    def restart(self, part: str) -> None:
        """Stop a part in order, start it again, and wait until it is healthy."""
        self._supervisor.restart(part)
        self.wait_until_healthy(part)

    def wait_until_healthy(self, *names: str) -> None:
        """Until each of these parts (all when none is named) runs and answers."""
        self._supervisor.wait_until_ready(*(names or self._supervisor.parts))

    def watch(self, report: Callable[[str], None]) -> None:
        """Stay, telling of parts that ended and came back, until one cannot be kept (StackError)."""
        known = self.processes
        while True:
            time.sleep(1)
            for name, pid in self.processes.items():
                if pid and pid != known[name]:
                    report(f"{name} had ended and was started again; its log: {self.home}/logs/{name}.log")
                    known[name] = pid
                elif self._supervisor.info(name)["statename"] == "FATAL":
                    raise StackError(f"{name} ends again and again; its log: {self.home}/logs/{name}.log")


def _silent(line: str) -> None:
    """Report to nobody."""


@contextmanager
def running(
    home: Path,
    *,
    ocean_node_url: str | None = None,
    wallet_key: str | None = None,
    with_airflow: bool = True,
    port: int | None = None,
    dags: Path | None = None,
    environment: Mapping[str, str] | None = None,
    report: Callable[[str], None] = _silent,
) -> Iterator[Running]:
    """Start everything, hand it over when all parts are healthy, end everything.

    `ocean_node_url` and `wallet_key` replace the local Ocean Node and its development account; `port`
    is Airflow's; `dags` a folder of Dag files for it; `environment` is added to what its processes get.
    """
    folder = Home.at(home)
    with folder.owned():
        _clear_leftovers(folder, report)
        up = _plan(folder, ocean_node_url, wallet_key, with_airflow, port, dags, environment or {})
        try:
            _start(up, folder, report)
            yield up
        finally:
            folder.stack_file.unlink(missing_ok=True)
            up._supervisor.stop()


def _clear_leftovers(home: Home, report: Callable[[str], None]) -> None:
    count = marks.end(home.root, grace_seconds=20)
    home.stack_file.unlink(missing_ok=True)
    if count:
        report(f"ended {count} processes that an earlier start had left running")


def _plan(
    home: Home,
    ocean_node_url: str | None,
    wallet_key: str | None,
    with_airflow: bool,
    port: int | None,
    dags: Path | None,
    more: Mapping[str, str],
) -> Running:
    """Choose ports, write settings, and name every part; nothing runs yet."""
    own_mongo_uri = os.environ.get("MONGO_URI")
    needed = {"mongod": not own_mongo_uri, "ocean-node": not ocean_node_url, "airflow": with_airflow}
    names = tuple(name for name, is_needed in needed.items() if is_needed)
    at = ports.choose(home, names, {"airflow": port} if port and with_airflow else {})
    parts: list[Part] = []
    plain = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    if own_mongo_uri:
        mongod.check_answers(own_mongo_uri)
    else:
        parts.append(_mongod_part(home, at["mongod"], plain))
    if not ocean_node_url:
        parts.append(_ocean_node_part(home, at["ocean-node"], plain))
    mongo_uri = own_mongo_uri or mongod.uri(at["mongod"])
    node_url = ocean_node_url or f"http://{ports.LOOPBACK}:{at['ocean-node']}"
    settings = {
        "AIRFLOW_HOME": str(home.airflow),
        "AIRFLOW__DEFLOW__STORAGE": f"file://{home.storage}",
        "AIRFLOW_CONN_DEFLOW_MONGO": mongod.airflow_connection(mongo_uri),
        "AIRFLOW_CONN_OCEAN_NODE_DEFAULT": _ocean_node_connection(node_url, is_local=not ocean_node_url),
        "AIRFLOW_CONN_OCEAN_WALLET_DEFAULT": json.dumps(
            {"conn_type": "ocean_wallet", "password": wallet_key or DEVELOPMENT_KEY}
        ),
    } | dict(more)
    airflow_url = f"http://{ports.LOOPBACK}:{at['airflow']}" if with_airflow else ""
    if with_airflow:
        airflow_parts.write_settings(home, at["airflow"], dags)
        parts += airflow_parts.parts(at["airflow"], airflow_parts.environment(home, settings))
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
    )


def _mongod_part(home: Home, port: int, environment: Mapping[str, str]) -> Part:
    return Part(
        name="mongod",
        group="base",
        command=mongod.command(home, port),
        environment=environment,
        is_ready=lambda since: mongod.is_primary(port),
        port=port,
    )


def _ocean_node_part(home: Home, port: int, environment: Mapping[str, str]) -> Part:
    run = "from airflow_provider_deflow.cli.ocean_node import ocean_node; ocean_node()"
    settings = {
        "--port": port,
        "--folder": home.root / "ocean-node",
        "--requests-per-minute": 600,
        "--tick-seconds": 0.1,
    }
    options = tuple(str(word) for option in settings.items() for word in option)
    return Part(
        name="ocean-node",
        group="base",
        command=(sys.executable, "-c", run, *options),
        environment=environment,
        is_ready=lambda since: _answers(f"http://{ports.LOOPBACK}:{port}/"),
        port=port,
    )


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=2).ok
    except requests.RequestException:
        return False


def _ocean_node_connection(url: str, *, is_local: bool) -> str:
    # A real Ocean Node keeps the limits that its own connection would have by default.
    pace = {"requests_per_minute": 600, "poll_interval_seconds": 1} if is_local else {}
    return json.dumps({"conn_type": "ocean_node", "host": url, "extra": pace})


def _start(up: Running, home: Home, report: Callable[[str], None]) -> None:
    """All parts, each as early as what it needs is there."""
    began = time.monotonic()

    def ready(name: str) -> None:
        report(f"  {name:<14} ready after {time.monotonic() - began:5.1f} s")

    supervisor = up._supervisor
    supervisor.start()
    base = [name for name, part in supervisor.parts.items() if part.group == "base"]
    above = [name for name, part in supervisor.parts.items() if part.group == "airflow"]
    for name in base:
        supervisor.start_part(name)
    if above:
        airflow_parts.migrate(home, airflow_parts.environment(home, up.environment))
    for name in above:
        supervisor.start_part(name)
    supervisor.wait_until_ready(*base, *above, ready=ready)
    addresses = {
        "pid": os.getpid(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "mongo_uri": up.mongo_uri,
        "ocean_node_url": up.ocean_node_url,
        "airflow_url": up.airflow_url,
        "airflow_home": str(up.airflow_home),
        "storage": up.storage,
        "username": up.username,
        "password": up.password,
    }
    write_private(home.stack_file, addresses)
