# SPDX-License-Identifier: Apache-2.0
"""What can be set about a local Ocean Node; every default is a real node's.

Times that a real node has built in (three seconds to measure a container, ten to stop it) scale with
the tick, so that a node with a fast tick is fast throughout.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from airflow_provider_deflow.local_ocean_node.faults import Rule

GIGABYTE = 1 << 30

# Expressions that a file object's URL must not match: the default of a real node. `localhost` passes.
UNSAFE_URLS = (
    r"^.*(169.254.169.254).*",
    r"^.*(metadata.google.internal).*",
    r"^.*(http://metadata).*",
    r"^.*(http://192.0.0.192).*",
    r"^.*(http://100.100.100.200).*",
    r"^.*(127.0.0.1).*",
)


THIS_MACHINE = ("localhost", "127.0.0.0/8", "::1")


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """A chain that the node is paid on; its Ocean contracts are looked up by chain id in an address file."""

    chain_id: int
    rpc_url: str
    address_file: Path
    # Whether assets published there are indexed.
    index: bool = True


@dataclass(frozen=True, slots=True)
class Fees:
    """What an environment asks in one token; a price is in whole tokens, per unit and started minute."""

    chain_id: int
    fee_token: str
    prices: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class EnvironmentSettings:
    """One compute environment; amounts are cores and GB, `None` means all that the machine has."""

    cpu: int | None = None
    ram: float | None = None
    disk: float | None = None
    # What one paid job may have of them; `None` means all.
    max_cpu: int | None = None
    max_ram: float | None = None
    max_disk: float | None = None
    max_job_duration: int = 3600
    # A shorter job is billed as if it had taken so long.
    min_job_duration: int = 60
    # Without any, jobs cannot be paid for.
    fees: tuple[Fees, ...] = ()
    # Who may start paid jobs; nobody listed means everybody.
    addresses: tuple[str, ...] = ()
    # Whether there are free jobs too.
    free: bool = True
    # What one free job may have.
    free_cpu: int | None = None
    free_ram: float | None = None
    free_disk: float | None = None
    free_max_jobs: int | None = None
    free_max_job_duration: int = 3600
    free_min_job_duration: int = 60
    # Whether it runs jobs at all: a feature that the next major version can switch off.
    compute_jobs: bool = True
    # How long results are kept after the end of a job.
    storage_expiry: int = 604800
    # Who may start free jobs; nobody listed means everybody.
    free_addresses: tuple[str, ...] = ()
    description: str = "this machine"


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """A local Ocean Node; `folder` keeps its key, its data base, jobs and buckets over restarts."""

    folder: Path
    # "4.0.0" answers as the next major version of a real node, for clients that must get along with both.
    version: Literal["3.2.0", "4.0.0"] = "3.2.0"
    host: str = "127.0.0.1"
    port: int = 0
    # Per caller; and of callers, all together.
    requests_per_minute: int = 30
    callers_per_minute: int = 120
    tick_seconds: float = 2.0
    # After the first minute: 71 becomes 70 once in so many seconds.
    claim_interval_seconds: float = 3600.0
    expiry_interval_seconds: float = 300.0
    # Between two looks at a chain; without it, the tick. A real node's default is 30.
    index_interval_seconds: float | None = None
    environments: tuple[EnvironmentSettings, ...] = (EnvironmentSettings(),)
    chains: tuple[ChainSettings, ...] = ()
    # How long a lock outlives the longest run of its job: the time in which it can be claimed.
    claim_duration_timeout: int = 3600
    persistent_storage: bool = True
    unsafe_urls: tuple[str, ...] = UNSAFE_URLS
    # Besides public addresses, where file objects may lead: by default this machine, for laptops.
    allowed_targets: tuple[str, ...] = THIS_MACHINE
    # What tests want to go wrong, from the start; with the test routes it can be changed while the node runs.
    faults: tuple[Rule, ...] = ()
    test_routes: bool = False
    # Runs algorithms without a sandbox: with the rights of whoever started the node.
    unisolated: bool = False

    @property
    def may_be_faulty(self) -> bool:
        return self.test_routes or bool(self.faults)

    @property
    def index_seconds(self) -> float:
        return self.index_interval_seconds or self.tick_seconds

    @property
    def measure_seconds(self) -> float:
        """How long after its start a container's disk use is taken as its base; nothing is checked before."""
        return 1.5 * self.tick_seconds

    @property
    def metrics_seconds(self) -> float:
        """Between two samples of what a container uses."""
        return 5 * self.tick_seconds

    @property
    def pull_seconds(self) -> float:
        return 0.25 * self.tick_seconds

    @property
    def stop_grace_seconds(self) -> float:
        """Between SIGTERM and SIGKILL. No whole number of ticks, or a killed job would leave 60 at once."""
        return min(10.0, 5.5 * self.tick_seconds)


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine has to give: the bound over all environments."""

    cores: tuple[int, ...]
    ram: int
    disk: int
    cpu_model: str

    @classmethod
    def here(cls, folder: Path) -> Machine:
        affinity = getattr(os, "sched_getaffinity", None)
        cores = tuple(sorted(affinity(0))) if affinity else tuple(range(os.cpu_count() or 1))
        return cls(
            cores=cores,
            ram=max(1, psutil.virtual_memory().total // GIGABYTE),
            disk=max(1, shutil.disk_usage(folder).total // GIGABYTE),
            cpu_model=_cpu_model(),
        )

    def limits(self) -> dict[str, int]:
        return {"cpu": len(self.cores), "ram": self.ram, "disk": self.disk}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return "cpu"
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "cpu")
