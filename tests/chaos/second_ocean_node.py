# SPDX-License-Identifier: Apache-2.0
"""One Ocean Node more than `deflow up` has: a process of its own, restarted on the same port and folder."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from airflow_provider_deflow.stack import ports
from airflow_provider_deflow.stack.guard import stop_with_parent

REQUESTS_PER_MINUTE = 6000
_RUN = "from airflow_provider_deflow.cli.ocean_node import ocean_node; ocean_node()"


@dataclass
class SecondOceanNode:
    """Its data and its log are in `folder`, beside the stack's."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        options = ("--port", str(self.port), "--folder", str(self.folder / "ocean-node-2"))
        pace = ("--requests-per-minute", str(REQUESTS_PER_MINUTE), "--tick-seconds", "0.1")
        with (self.folder / "logs" / "ocean-node-2.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _RUN, *options, *pace],
                stdout=log,
                stderr=log,
                preexec_fn=stop_with_parent,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )

    def end(self, number: int = signal.SIGKILL) -> None:
        self.process.send_signal(number)
        self.process.wait()


@contextmanager
def running(folder: Path) -> Iterator[SecondOceanNode]:
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    one = SecondOceanNode(folder, free_port())
    one.start()
    try:
        yield one
    finally:
        one.end()


def free_port() -> int:
    """Below those that the kernel gives to others, for it must be free again after a kill."""
    return next(filter(ports.is_free, random.sample(range(20_000, 32_000), 100)))
