# SPDX-License-Identifier: Apache-2.0
"""A stack that is up: its addresses, its processes, and how it is kept up for as long as a block lasts.

Which parts it has is planned elsewhere: `local_stack` for a laptop, `cluster` for what production looks like.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from airflow_provider_deflow.errors import StackError
from airflow_provider_deflow.stack import airflow_parts, marks, postgresql
from airflow_provider_deflow.stack.development_chain import DevelopmentChain
from airflow_provider_deflow.stack.home import Home, write_private
from airflow_provider_deflow.stack.supervision import Supervisor


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
    other_ocean_node_urls: tuple[str, ...] = ()
    chain: DevelopmentChain | None = None
    """Its RPC URL, address file and fee token; None without one."""

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

    @contextmanager
    def without(self, part: str) -> Iterator[None]:
        """A part is stopped for the block, and healthy again after it."""
        self._supervisor.stop_part(part)
        try:
            yield
        finally:
            self._supervisor.start_part(part)
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


def silent(line: str) -> None:
    """Report to nobody."""


@contextmanager
def kept_up(home: Home, plan: Callable[[], Running], report: Callable[[str], None]) -> Iterator[Running]:
    """Start what was planned, hand it over when all parts are healthy, end everything."""
    with home.owned():
        _clear_leftovers(home, report)
        up = plan()
        try:
            _start(up, home, report)
            yield up
        finally:
            home.stack_file.unlink(missing_ok=True)
            up._supervisor.stop()


def _clear_leftovers(home: Home, report: Callable[[str], None]) -> None:
    count = marks.end(home.root, grace_seconds=20)
    home.stack_file.unlink(missing_ok=True)
    if count:
        report(f"ended {count} processes that an earlier start had left running")


def _start(up: Running, home: Home, report: Callable[[str], None]) -> None:
    """All parts, each as early as what it needs is there."""
    began = time.monotonic()
    supervisor = up._supervisor

    def ready(name: str) -> None:
        report(f"  {name:<14} ready after {time.monotonic() - began:5.1f} s")
        for part in supervisor.parts.values():
            if part.after == name:
                supervisor.start_part(part.name)

    supervisor.start()
    base = [name for name, part in supervisor.parts.items() if part.group == "base"]
    above = [name for name, part in supervisor.parts.items() if part.group == "airflow"]
    for name in base:
        if supervisor.parts[name].after is None:
            supervisor.start_part(name)
    if above:
        if postgresql.NAME in base:
            supervisor.wait_until_ready(postgresql.NAME)
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
        **(up.chain.in_connection if up.chain else {}),
    }
    write_private(home.stack_file, addresses)
