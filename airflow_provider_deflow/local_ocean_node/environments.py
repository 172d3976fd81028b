# SPDX-License-Identifier: Apache-2.0
"""Compute environments: what they offer, what is in use, and whether a free job fits.

A job that was queued keeps its `queueMaxWaitTime` and is never counted as running, even while it runs:
that is the real node's way, and it can overbook the machine.
"""

from __future__ import annotations

import hashlib
import platform
import time
from dataclasses import dataclass
from typing import Any

from airflow_provider_deflow.local_ocean_node.identity import Identity
from airflow_provider_deflow.local_ocean_node.javascript import as_number, as_text, dumps
from airflow_provider_deflow.local_ocean_node.job import Job
from airflow_provider_deflow.local_ocean_node.refusal import Refusal
from airflow_provider_deflow.local_ocean_node.settings import EnvironmentSettings, Machine

Resources = list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment with its amounts settled for this machine."""

    id: str
    settings: EnvironmentSettings
    # resource → (total, least, most that a free job may have)
    amounts: dict[str, tuple[float, float, float]]
    # The machine's cores that its jobs run on.
    cores: tuple[int, ...]

    def fill_resources(self, asked: Any) -> Resources:
        """What a free job gets: what it asks for, else the least; unknown resources are ignored."""
        if asked is not None and not isinstance(asked, list):
            raise Refusal(400, "TypeError: resources is not iterable")
        entries = [entry for entry in asked or [] if isinstance(entry, dict)]
        # Of two for the same resource the first counts.
        wanted = {entry.get("id"): entry.get("amount") for entry in reversed(entries)}
        filled = []
        for resource, (_, least, most) in self.amounts.items():
            amount = wanted.get(resource)
            if amount is None or amount == 0 or as_number(amount) < least:
                amount = least
            if as_number(amount) > most:
                raise Refusal(
                    400,
                    f"Error: Not enough {resource} resources. "
                    f"Requested {as_text(amount)}, but max is {as_text(most)}",
                )
            filled.append({"id": resource, "amount": amount})
        return filled


class Environments:
    """All environments of a node, on one machine."""

    def __init__(
        self, settings: tuple[EnvironmentSettings, ...], machine: Machine, identity: Identity
    ) -> None:
        self._machine = machine
        self._identity = identity
        self._all: list[Environment] = []
        first_core = 0
        for index, environment in enumerate(settings):
            total = environment.cpu or len(machine.cores)
            cores = machine.cores[first_core : first_core + total] or machine.cores
            self._all.append(_settled(environment, index, machine, identity, cores))
            first_core += total

    @property
    def cluster_hash(self) -> str:
        return self._identity.cluster_hash

    def __iter__(self) -> Any:
        return iter(self._all)

    def get(self, environment_id: str) -> Environment | None:
        return next((one for one in self._all if one.id == environment_id), None)

    def busy_with(self, environment: Environment, resources: Resources, jobs: list[Job]) -> str | None:
        """Why a free job with these resources cannot start now, in the node's words."""
        for entry in resources:
            resource, amount = entry["id"], as_number(entry["amount"])
            if not amount > 0:
                continue
            if environment.amounts[resource][0] - _in_use(environment, resource, jobs) < amount:
                return f"Not enough available {resource}"
            everywhere = sum(one.amounts[resource][0] for one in self._all)
            remaining = min(everywhere, self._machine.limits()[resource]) - sum(
                _in_use(one, resource, jobs) for one in self._all
            )
            if remaining < amount:
                return (
                    f"Not enough available {resource} globally "
                    f"(remaining: {as_text(remaining)}, requested: {as_text(entry['amount'])})"
                )
        most = environment.settings.free_max_jobs or len(environment.cores)
        if len(_running(environment, jobs)) + 1 > most:
            return "Too many running free jobs "
        return None

    def reply(self, jobs: list[Job]) -> list[dict[str, Any]]:
        return [self._describe(environment, jobs) for environment in self._all]

    def _describe(self, environment: Environment, jobs: list[Job]) -> dict[str, Any]:
        running = _running(environment, jobs)
        queued = [
            job for job in jobs if job.environment == environment.id and as_number(job.queue_max_wait) != 0
        ]
        settings = environment.settings
        # Sums over jobs; the running one goes far below zero, as on a real node: builds start at "0".
        queue_wait = sum(as_number(job.max_duration) for job in queued)
        run_wait = sum(as_number(job.max_duration) - time.time() for job in running)
        access = {"addresses": list(settings.free_addresses), "accessLists": []}
        return {
            "id": environment.id,
            "runningJobs": len(running),
            "consumerAddress": self._identity.address,
            "platform": {"architecture": platform.machine(), "os": "linux"},
            "access": access,
            "fees": None,
            "resources": [
                {
                    "id": resource,
                    "type": resource,
                    "total": total,
                    "max": total,
                    "min": least,
                    **({"description": self._machine.cpu_model} if resource == "cpu" else {}),
                    "inUse": _in_use(environment, resource, jobs),
                }
                for resource, (total, least, _) in environment.amounts.items()
            ],
            "queuedJobs": len(queued),
            "queuedFreeJobs": len(queued),
            "queMaxWaitTime": queue_wait,
            "queMaxWaitTimeFree": queue_wait,
            "runMaxWaitTime": run_wait,
            "runMaxWaitTimeFree": run_wait,
            "enableNetwork": False,
            "storageExpiry": settings.storage_expiry,
            "minJobDuration": 1,
            "maxJobDuration": settings.free_max_job_duration,
            "description": settings.description,
            "free": {
                "access": access,
                "minJobDuration": 1,
                "maxJobDuration": settings.free_max_job_duration,
                "maxJobs": settings.free_max_jobs or len(environment.cores),
                "resources": [
                    {"id": resource, "max": most, "inUse": _in_use(environment, resource, jobs)}
                    for resource, (_, _, most) in environment.amounts.items()
                ],
                "allowImageBuild": False,
            },
            "runningfreeJobs": len(running),
        }


def _settled(
    settings: EnvironmentSettings, index: int, machine: Machine, identity: Identity, cores: tuple[int, ...]
) -> Environment:
    cpu = settings.cpu or len(machine.cores)
    ram = settings.ram or machine.ram
    disk = settings.disk or machine.disk
    fees = dumps(None)
    suffix = hashlib.sha256(f"{fees}{index}".encode()).hexdigest()
    return Environment(
        id=f"{identity.cluster_hash}-0x{suffix}",
        settings=settings,
        amounts={
            "cpu": (cpu, 1, settings.free_cpu or cpu),
            # A real node counts in whole GB from 1; an environment smaller than that offers all of it.
            "ram": (ram, min(1, ram), settings.free_ram or ram),
            "disk": (disk, 0, settings.free_disk or disk),
        },
        cores=cores,
    )


def _running(environment: Environment, jobs: list[Job]) -> list[Job]:
    return [job for job in jobs if job.environment == environment.id and as_number(job.queue_max_wait) == 0]


def _in_use(environment: Environment, resource: str, jobs: list[Job]) -> float:
    used = sum(job.amount(resource) for job in _running(environment, jobs))
    return int(used) if float(used).is_integer() else used
