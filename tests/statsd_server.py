# SPDX-License-Identifier: Apache-2.0
"""A StatsD server as far as tests need one: a UDP socket that keeps what comes."""

from __future__ import annotations

import importlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

PATIENCE_SECONDS = 60


class StatsdServer:
    """`said` is every datagram so far, such as `airflow.ti.start:1|c`."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._receive)

    def _receive(self) -> None:
        while datagram := self._socket.recv(65535):
            self.said.extend(datagram.decode().split("\n"))

    def values(self, name: str, *tags: str, at_least: int = 1) -> list[float]:
        """The values that came for a metric with these tags (`name=value`), once there are so many."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while len(found := self._values(name, tags)) < at_least and time.monotonic() < give_up_at:
            time.sleep(0.05)
        return found

    def _values(self, name: str, tags: tuple[str, ...]) -> list[float]:
        found = []
        for line in list(self.said):
            stat, _, value = line.rpartition(":")
            known, *tagged = stat.split(",")
            if known == f"airflow.{name}" and set(tags) <= set(tagged):
                found.append(float(value.split("|")[0]))
        return found

    @contextmanager
    def running(self) -> Iterator[StatsdServer]:
        # Airflow only logs that its client is missing, and what is waited for would never come.
        importlib.import_module("statsd")
        self._thread.start()
        try:
            yield self
        finally:
            # Nothing ends it, like an empty datagram.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", self.port))
            self._thread.join()
            self._socket.close()
